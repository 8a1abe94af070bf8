// SPDX-License-Identifier: BSD-2-Clause
// A heat map of rows over time on a canvas: shards, or classes of durations. The ramp is one that
// people who see colours differently can read too (it grows in lightness), and the cell under the
// pointer is told in words. Rows are drawn from the bottom up if they are a scale. The figure draws
// only what lies in the range of time that all charts show.
import { h, setAttr, setText } from './dom';
import { clock } from './format';
import type { Model } from './model';
import { view, type Drawable } from './view';

export interface HeatOptions {
  title: string;
  note: string;
  rows: () => string[];
  /** The value of a row at an index of time; null: unknown. */
  value: (row: number, index: number) => number | null;
  format: (value: number) => string;
  upward?: boolean;
  /** Colour by the logarithm: for counts. */
  log?: boolean;
  height?: (rows: number) => number;
}

// Cividis, abridged: dark blue through grey to yellow.
const RAMP = ['#00204d', '#1d3a6b', '#414d6b', '#5f616e', '#7c7b78', '#9a9175', '#bcaf6f', '#dfcc5f', '#ffea46'].map(parse);

function parse(hex: string): [number, number, number] {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
}

/** The colour of a share 0..1 of the ramp. */
export function rampColor(share: number): string {
  const at = Math.min(0.9999, Math.max(0, share)) * (RAMP.length - 1);
  const low = RAMP[Math.floor(at)];
  const high = RAMP[Math.floor(at) + 1];
  const part = at - Math.floor(at);
  return `rgb(${low.map((v, i) => Math.round(v + (high[i] - v) * part)).join(',')})`;
}

const LABELS_PX = 66;

export class Heat implements Drawable {
  readonly element: HTMLElement;
  private readonly canvas = h('canvas', { role: 'img' });
  private readonly box = h('div', { class: 'plot heat' }, this.canvas);
  private readonly told = h('p', { class: 'told', 'aria-live': 'off' });
  private readonly scaleText = h('span');
  private pointer: { x: number; y: number } | null = null;
  private max = 0;

  constructor(
    private readonly model: Model,
    private readonly options: HeatOptions,
    tools?: HTMLElement,
  ) {
    const ramp = h('span', { class: 'ramp', 'aria-hidden': 'true' });
    this.element = h(
      'figure',
      { class: 'chart' },
      h('figcaption', {}, h('h3', {}, options.title), tools, h('p', { class: 'note' }, options.note)),
      h('div', { class: 'legend' }, h('span', {}, '0 '), ramp, ' ', this.scaleText),
      this.box,
      this.told,
    );
    this.canvas.addEventListener('pointermove', (e) => {
      this.pointer = { x: e.offsetX, y: e.offsetY };
      this.tell();
    });
    this.canvas.addEventListener('pointerleave', () => {
      this.pointer = null;
      setText(this.told, ' ');
    });
    setText(this.told, ' ');
    new ResizeObserver(() => view.request()).observe(this.box);
    view.add(this);
  }

  private first(): number {
    const { times } = this.model;
    const { from } = view.range(times);
    let i = times.length;
    while (i > 0 && times[i - 1] >= from) i--;
    return i;
  }

  draw(): void {
    const rows = this.options.rows();
    const width = this.box.clientWidth;
    const height = this.options.height?.(rows.length) ?? Math.max(48, Math.min(260, rows.length * 20));
    if (width === 0) return;
    const scale = window.devicePixelRatio || 1;
    const { canvas } = this;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round((height + 20) * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round((height + 20) * scale);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height + 20}px`;
    }
    const paint = canvas.getContext('2d');
    if (!paint) return;
    paint.setTransform(scale, 0, 0, scale, 0, 0);
    paint.clearRect(0, 0, width, height + 20);
    this.paintCells(paint, rows.length, width, height);
    this.paintLabels(paint, rows, width, height);
    setText(this.scaleText, this.max > 0 ? this.options.format(this.max) : 'nothing yet');
    setAttr(canvas, 'aria-label', this.describe(rows));
    if (this.pointer) this.tell();
  }

  private paintCells(paint: CanvasRenderingContext2D, rows: number, width: number, height: number): void {
    const { times } = this.model;
    const { from, to } = view.range(times);
    const pixels = (width - LABELS_PX - 10) / Math.max(1, to - from);
    const tall = height / Math.max(1, rows);
    this.max = 0;
    const start = this.first();
    for (let i = start; i < times.length; i++)
      for (let r = 0; r < rows; r++) this.max = Math.max(this.max, this.options.value(r, i) ?? 0);
    paint.fillStyle = getComputedStyle(this.box).getPropertyValue('--cell').trim() || '#888';
    paint.fillRect(LABELS_PX, 0, width - LABELS_PX - 10, height);
    for (let i = start; i < times.length && times[i] <= to; i++) {
      const left = LABELS_PX + (times[i] - from - 1) * pixels;
      const wide = Math.max(1, pixels + 0.6);
      if (left + wide < LABELS_PX) continue;
      for (let r = 0; r < rows; r++) {
        const value = this.options.value(r, i);
        if (value === null || value === 0 || this.max === 0) continue;
        const share = this.options.log ? Math.log(1 + value) / Math.log(1 + this.max) : value / this.max;
        paint.fillStyle = rampColor(share);
        const top = this.options.upward ? height - (r + 1) * tall : r * tall;
        paint.fillRect(Math.max(LABELS_PX, left), top, wide, tall - (tall > 6 ? 1 : 0));
      }
    }
  }

  private paintLabels(paint: CanvasRenderingContext2D, rows: string[], width: number, height: number): void {
    const tall = height / Math.max(1, rows.length);
    const every = Math.max(1, Math.ceil(14 / tall));
    paint.fillStyle = getComputedStyle(this.box).color;
    paint.font = '11px system-ui, sans-serif';
    paint.textAlign = 'right';
    paint.textBaseline = 'middle';
    rows.forEach((text, r) => {
      if (r % every !== 0) return;
      paint.fillText(text, LABELS_PX - 6, this.options.upward ? height - (r + 0.5) * tall : (r + 0.5) * tall);
    });
    const { from, to } = view.range(this.model.times);
    paint.textBaseline = 'top';
    paint.textAlign = 'left';
    paint.fillText(clock(from * 1000), LABELS_PX, height + 5);
    paint.textAlign = 'right';
    paint.fillText(clock(to * 1000), width - 10, height + 5);
  }

  private describe(rows: string[]): string {
    const last = this.model.times.length - 1;
    if (last < 0) return this.options.title;
    const parts = rows.map((name, r) => ({ name, value: this.options.value(r, last) ?? 0 })).sort((a, b) => b.value - a.value);
    return `${this.options.title}: highest now ${parts.slice(0, 3).map((p) => `${p.name} ${this.options.format(p.value)}`).join(', ')}`;
  }

  private tell(): void {
    if (!this.pointer) return;
    const { times } = this.model;
    const rows = this.options.rows();
    const width = this.box.clientWidth;
    const height = this.canvas.clientHeight - 20;
    const { from, to } = view.range(times);
    const at = from + ((this.pointer.x - LABELS_PX) / (width - LABELS_PX - 10)) * (to - from);
    const fromTop = Math.floor(this.pointer.y / (height / Math.max(1, rows.length)));
    const row = this.options.upward ? rows.length - 1 - fromTop : fromTop;
    let i = times.length - 1;
    while (i > 0 && times[i - 1] >= at) i--;
    const value = row >= 0 && row < rows.length && this.pointer.x >= LABELS_PX ? this.options.value(row, i) : null;
    setText(this.told, value === null ? ' ' : `${clock(times[i] * 1000)} · ${rows[row]} · ${this.options.format(value)}`);
  }
}
