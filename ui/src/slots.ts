// SPDX-License-Identifier: BSD-2-Clause
// The map of partitions: one cell each, coloured by load, and hatched by owner when asked to; the
// cell under the pointer is told in words. Keys are spread over partitions by their hash, so a
// single bright cell is a single hot key or a handful of them. Read every ten seconds.
import { offers, Poll } from './band';
import { h, setAttr, setText } from './dom';
import { bytes, count, seconds } from './format';
import { rampColor } from './heat';
import { view, type Drawable } from './view';

export interface Partition {
  partition: number;
  shard: number;
  keys: number;
  bytes: number;
  load_ns_per_second: number;
}

/** What the server sends: columns, with the number of the partition as index. */
export type Columns = Record<'shard' | 'keys' | 'bytes' | 'load_ns_per_second', number[]>;

export function cellsOf(columns: Partial<Columns> | null): Partition[] {
  const n = columns?.shard?.length ?? 0;
  return Array.from({ length: n }, (_, i) => ({
    partition: i,
    shard: columns?.shard?.[i] ?? 0,
    keys: columns?.keys?.[i] ?? 0,
    bytes: columns?.bytes?.[i] ?? 0,
    load_ns_per_second: columns?.load_ns_per_second?.[i] ?? 0,
  }));
}

/** Columns and rows for n cells, near to twice as wide as tall. */
export function gridOf(n: number): { columns: number; rows: number } {
  if (n <= 0) return { columns: 1, rows: 1 };
  let columns = 1;
  while (columns * columns < n * 2) columns *= 2;
  return { columns, rows: Math.ceil(n / columns) };
}

const HEIGHT = 160;
// Owners cycle through eight hues that keep apart for most eyes; the cell's text says which.
const OWNERS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#b8a800', '#777777'];

export class SlotMap implements Drawable {
  readonly element: HTMLElement;
  private readonly canvas = h('canvas', { role: 'img', 'aria-label': 'Partitions' });
  private readonly box = h('div', { class: 'plot heat' }, this.canvas);
  private readonly told = h('p', { class: 'told' }, ' ');
  private cells: Partition[] = [];
  private readonly poll = new Poll<Columns>('partitions', 10_000, () => {
    this.cells = cellsOf(this.poll.value);
    view.request();
  });
  private by: 'load' | 'entries' | 'owner' = 'load';

  constructor() {
    const select = h('select', { 'aria-label': 'Colour of the cells' }, ...(['load', 'entries', 'owner'] as const).map((v) => h('option', { value: v }, v)));
    select.addEventListener('change', () => {
      this.by = select.value as 'load' | 'entries' | 'owner';
      view.request();
    });
    this.element = h('figure', { class: 'chart' },
      h('figcaption', {}, h('h3', {}, 'Partitions'), select, h('p', { class: 'note' }, 'Each cell is a part of the key space; a single bright one is a hot key. Colour by owner shows which shard has it.')),
      this.box, this.told);
    this.canvas.addEventListener('pointermove', (e) => this.tell(e));
    this.canvas.addEventListener('pointerleave', () => setText(this.told, ' '));
    new ResizeObserver(() => view.request()).observe(this.box);
    view.add(this);
  }

  tick(now_ms: number): void {
    this.element.hidden = !offers('partitions');
    this.poll.tick(now_ms);
  }

  draw(): void {
    const { cells } = this;
    const width = this.box.clientWidth;
    const paint = this.canvas.getContext('2d');
    if (width === 0 || !paint) return;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(HEIGHT * scale);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${HEIGHT}px`;
    paint.setTransform(scale, 0, 0, scale, 0, 0);
    const { columns, rows } = gridOf(cells.length);
    const wide = width / columns;
    const tall = HEIGHT / rows;
    const value = (p: Partition): number => (this.by === 'entries' ? p.keys : p.load_ns_per_second);
    const max = Math.max(1, ...cells.map(value));
    cells.forEach((p, i) => {
      paint.fillStyle = this.by === 'owner' ? OWNERS[p.shard % OWNERS.length] : rampColor(Math.sqrt(value(p) / max));
      paint.fillRect((i % columns) * wide, Math.floor(i / columns) * tall, wide - (wide > 4 ? 1 : 0), tall - (tall > 4 ? 1 : 0));
    });
    const hot = [...cells].sort((a, b) => b.load_ns_per_second - a.load_ns_per_second)[0];
    if (hot) setAttr(this.canvas, 'aria-label', `${cells.length} partitions; the busiest is ${this.describe(hot)}`);
  }

  private describe(p: Partition): string {
    return `partition ${p.partition} of shard ${p.shard}: ${count(p.keys)} entries, ${bytes(p.bytes)}, ${seconds(p.load_ns_per_second / 1e9)} of work per s`;
  }

  private tell(e: PointerEvent): void {
    const { cells } = this;
    const { columns, rows } = gridOf(cells.length);
    const x = Math.floor((e.offsetX / this.box.clientWidth) * columns);
    const y = Math.floor((e.offsetY / HEIGHT) * rows);
    const cell = cells[y * columns + x];
    setText(this.told, cell ? this.describe(cell) : ' ');
  }
}
