// SPDX-License-Identifier: BSD-2-Clause
// A line chart over time: uPlot in a figure with a title, a sentence that says what it shows, a
// legend with the figures under the cursor (or the latest ones), and the same as a table for those
// who cannot see lines. Lines differ by dash as well as by colour. Width follows the figure. The
// columns belong to the model and are never changed here.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { cssVar, h, reconcile, setAttr, setText } from './dom';
import { bytes, clock, NOTHING } from './format';
import type { Model } from './model';
import { view, type Drawable } from './view';

export interface Line {
  label: string;
  values: (model: Model) => (number | null)[];
  color: 1 | 2 | 3 | 4 | 5 | 6;
  dash?: number[];
  fill?: boolean;
  /** A limit: drawn thin, left out of the scale if it is far away. */
  limit?: boolean;
}

export interface ChartOptions {
  title: string;
  note: string;
  lines: Line[];
  format: (value: number | null | undefined) => string;
  height?: number;
  log?: boolean;
  empty?: string;
}

const SYNC = uPlot.sync('time');
const TABLE_ROWS = 12;
/** Steps of axes in bytes: those of ten would give 9.54 MiB. */
const POWERS = Array.from({ length: 50 }, (_, i) => 2 ** i);

export class Chart implements Drawable {
  readonly element: HTMLElement;
  private plot: uPlot | null = null;
  private readonly box = h('div', { class: 'plot' });
  private readonly figures: HTMLElement[] = [];
  private readonly table = h('tbody');
  private readonly details: HTMLDetailsElement;
  private readonly empty: HTMLElement;
  private width = 0;

  constructor(
    private readonly model: Model,
    private readonly options: ChartOptions,
  ) {
    const legend = h('ul', { class: 'legend' });
    for (const line of options.lines) {
      const figure = h('b', {}, NOTHING);
      this.figures.push(figure);
      legend.append(h('li', { class: `c${line.color}${line.dash ? ' dashed' : ''}` }, h('i', { 'aria-hidden': 'true' }), line.label, ' ', figure));
    }
    const head = h('tr', {}, h('th', { scope: 'col' }, 'time'));
    for (const line of options.lines) head.append(h('th', { scope: 'col' }, line.label));
    this.details = h('details', { class: 'as-table' }, h('summary', {}, 'table'), h('table', {}, h('thead', {}, head), this.table));
    this.details.addEventListener('toggle', () => this.fillTable());
    this.empty = h('p', { class: 'empty', hidden: true }, options.empty ?? 'Nothing measured yet.');
    this.box.setAttribute('role', 'img');
    this.box.setAttribute('aria-label', options.title);
    this.element = h(
      'figure',
      { class: 'chart' },
      h('figcaption', {}, h('h3', {}, options.title), h('p', { class: 'note' }, options.note)),
      legend,
      this.box,
      this.empty,
      this.details,
    );
    new ResizeObserver(() => this.resize()).observe(this.box);
    view.add(this);
  }

  private resize(): void {
    const width = Math.floor(this.box.clientWidth);
    if (width === this.width || width === 0) return;
    this.width = width;
    if (this.plot) this.plot.setSize({ width, height: this.options.height ?? 170 });
    else view.request();
  }

  private make(): uPlot {
    const { options } = this;
    const ink = cssVar('--ink-2');
    const grid = { stroke: cssVar('--grid'), width: 1 };
    const font = '11px system-ui, sans-serif';
    return new uPlot(
      {
        width: this.width,
        height: options.height ?? 170,
        legend: { show: false },
        padding: [8, 10, 0, 0],
        cursor: { sync: { key: SYNC.key }, points: { size: 6 }, drag: { x: false, y: false }, y: false },
        hooks: { setCursor: [() => this.showFigures()] },
        scales: {
          x: { time: true, range: () => this.xRange() },
          y: options.log
            ? { distr: 3, range: (_u, low, high) => logRange(low, high) }
            : { range: () => [0, this.top()] },
        },
        axes: [
          { stroke: ink, grid: { show: false }, ticks: { stroke: grid.stroke, size: 4 }, font, size: 24, space: 70, values: timeLabels },
          { stroke: ink, grid, ticks: { show: false }, font, size: 66, space: 32, ...(options.log ? { splits: decades } : options.format === bytes ? { incrs: POWERS } : {}), values: (_u, ticks) => ticks.map((t) => (t === null ? '' : options.format(t))) },
        ],
        series: [
          {},
          ...options.lines.map((line) => {
            const color = cssVar(line.limit ? '--ink-3' : `--c${line.color}`);
            return {
              label: line.label,
              stroke: color,
              width: line.limit ? 1 : 1.6,
              dash: line.dash,
              fill: line.fill ? color + '26' : undefined,
              points: { show: false },
              spanGaps: false,
            };
          }),
        ],
      },
      this.data(),
      this.box,
    );
  }

  /** The upper end of the scale. A limit counts only if it is near: far away it would flatten the rest. */
  private top(): number {
    const { from, to } = view.range(this.model.times);
    let high = 0;
    let limit = 0;
    for (const line of this.options.lines) {
      const values = line.values(this.model);
      let most = 0;
      for (let i = values.length - 1; i >= 0; i--)
        if (this.model.times[i] >= from && this.model.times[i] <= to) most = Math.max(most, values[i] ?? 0);
      if (line.limit) limit = most;
      else high = Math.max(high, most);
    }
    return Math.max(high, limit < 2 * high ? limit : 0) * 1.1 || 1;
  }

  private xRange(): [number, number] {
    const { from, to } = view.range(this.model.times);
    return [from, to];
  }

  private data(): uPlot.AlignedData {
    const columns = this.options.lines.map((line) => {
      const values = line.values(this.model);
      return this.options.log ? values.map((v) => (v !== null && v > 0 ? v : null)) : values;
    });
    return [this.model.times, ...columns];
  }

  draw(): void {
    if (this.width === 0) return;
    this.plot ??= this.make();
    this.plot.setData(this.data());
    this.showFigures();
    this.empty.hidden = this.options.lines.some((l) => l.values(this.model).some((v) => v !== null));
    if (this.details.open) this.fillTable();
  }

  restyle(): void {
    this.plot?.destroy();
    this.plot = null;
  }

  private showFigures(): void {
    const index = this.plot?.cursor.idx;
    const told: string[] = [];
    this.options.lines.forEach((line, i) => {
      const values = line.values(this.model);
      const value = index !== null && index !== undefined ? values[index] : lastKnown(values);
      const text = this.options.format(value);
      setText(this.figures[i], text);
      told.push(`${line.label} ${text}`);
    });
    if (index === null || index === undefined) setAttr(this.box, 'aria-label', `${this.options.title}: ${told.join(', ')}`);
  }

  private fillTable(): void {
    const { times } = this.model;
    const step = Math.max(1, Math.floor(times.length / TABLE_ROWS));
    const rows: number[] = [];
    for (let i = times.length - 1; i >= 0 && rows.length < TABLE_ROWS; i -= step) rows.push(i);
    reconcile(
      this.table,
      rows,
      (i) => String(times[i]),
      () => h('tr'),
      (row, i) => {
        const cells = [clock(times[i] * 1000), ...this.options.lines.map((l) => this.options.format(l.values(this.model)[i]))];
        row.replaceChildren(...cells.map((c) => h('td', {}, c)));
      },
    );
  }
}

function timeLabels(_u: uPlot, ticks: number[]): string[] {
  return ticks.map((t) => {
    const text = clock(t * 1000);
    return text.endsWith(':00') ? text.slice(0, 5) : text;
  });
}

function decades(_u: uPlot, _axis: number, low: number, high: number): number[] {
  const out: number[] = [];
  for (let p = Math.round(Math.log10(low)); p <= Math.round(Math.log10(high)); p++) out.push(Math.pow(10, p));
  return out;
}

/** Whole decades around what there is, at least one. */
function logRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !(low > 0)) return [1e-7, 1e-2];
  const from = Math.pow(10, Math.floor(Math.log10(low)));
  return [from, Math.max(from * 10, Math.pow(10, Math.ceil(Math.log10(high))))];
}

export function lastKnown(values: readonly (number | null)[]): number | null {
  for (let i = values.length - 1; i >= Math.max(0, values.length - 3); i--) if (values[i] !== null && values[i] !== undefined) return values[i];
  return null;
}
