// SPDX-License-Identifier: BSD-2-Clause
// The frame of a band: a heading, a sentence, tools at the right, and a body. A band is told of each
// event, and asks for what the stream does not carry at its own pace, only while the page is seen.
// Tables are made here too, since most bands have one.
import { get, index as index_ } from './api';
import { h, reconcile, setText, type Child } from './dom';

export interface Band {
  element: HTMLElement;
  tick?(): void;
}

export function frame(id: string, title: string, note: string, tools: Child[], ...body: Child[]): HTMLElement {
  return h(
    'section',
    { id, class: 'band', 'aria-labelledby': `${id}-title`, tabindex: '-1' },
    h('header', {}, h('h2', { id: `${id}-title` }, title), h('p', { class: 'note' }, note), h('div', { class: 'tools' }, ...tools)),
    ...body,
  );
}

/** What this attld offers, from /api/v1/; asking for what is not there would be an error in the console. */
const offered = new Set<string>();

export async function learnEndpoints(): Promise<void> {
  const index = await index_();
  for (const e of index) offered.add(e.path.slice(e.path.lastIndexOf('/') + 1));
  if (offered.has('audit') && !(await auditIsOn())) offered.delete('audit');
}

/** audit.mode, or, where that is auto, whether the server keeps files at all. */
async function auditIsOn(): Promise<boolean> {
  const c = await get<Record<string, string>>('config');
  const mode = c['audit.mode'];
  const files = (c['server.dir'] ?? '.') !== '.' || (c['persist.dir'] ?? '') !== '' || (c['persist.fsync'] ?? 'off') !== 'off';
  return mode === 'on' || (mode === 'auto' && files);
}

export function offers(name: string): boolean {
  return offered.has(name.split('?')[0]);
}

/** Reads an endpoint every `period_ms`, and again when asked to. */
export class Poll<T> {
  value: T | null = null;
  problem = '';
  private due = 0;
  private running = false;

  constructor(
    private readonly name: string,
    private readonly period_ms: number,
    private readonly then: () => void,
  ) {}

  tick(now_ms: number): void {
    if (this.running || now_ms < this.due || document.hidden || !offers(this.name)) return;
    this.running = true;
    this.due = now_ms + this.period_ms;
    get<T>(this.name)
      .then((value) => {
        this.value = value;
        this.problem = '';
      })
      .catch((error: unknown) => {
        this.problem = error instanceof Error ? error.message : String(error);
      })
      .finally(() => {
        this.running = false;
        this.then();
      });
  }

  soon(): void {
    this.due = 0;
  }
}

export interface TableColumn<T> {
  head: string;
  /** Text, or an element for bars and buttons. */
  cell: (row: T) => Child;
  number?: boolean;
  /** Hidden on narrow screens. */
  extra?: boolean;
  wide?: boolean;
}

export class Table<T> {
  readonly element: HTMLElement;
  private readonly body = h('tbody');
  private readonly empty: HTMLElement;
  private readonly scroller: HTMLElement;

  constructor(
    caption: string,
    private readonly columns: TableColumn<T>[],
    private readonly keyOf: (row: T) => string,
    private readonly emptyText: string,
  ) {
    const head = h('tr', {}, ...columns.map((c) => h('th', { scope: 'col', class: this.cls(c) }, c.head)));
    this.scroller = h(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
      h('table', {}, h('caption', { class: 'unseen' }, caption), h('thead', {}, head), this.body),
    );
    this.empty = h('p', { class: 'empty' }, emptyText);
    this.element = h('div', { class: 'table' }, this.scroller, this.empty);
    this.scroller.hidden = true;
  }

  private cls(c: TableColumn<T>): string {
    return [c.number ? 'n' : '', c.extra ? 'extra' : '', c.wide ? 'wide' : ''].join(' ').trim();
  }

  show(rows: readonly T[], problem = ''): void {
    this.empty.hidden = rows.length > 0;
    this.scroller.hidden = rows.length === 0;
    setText(this.empty, problem || this.emptyText);
    reconcile(
      this.body,
      rows,
      this.keyOf,
      () => h('tr', {}, ...this.columns.map((c) => h('td', { class: this.cls(c) }))),
      (tr, row) => {
        this.columns.forEach((c, i) => {
          const td = tr.children[i];
          const content = c.cell(row);
          if (typeof content === 'string') setText(td, content);
          else if (content && td.firstChild !== content && !(td.firstElementChild && content instanceof Element && td.firstElementChild.isEqualNode(content)))
            td.replaceChildren(content);
        });
      },
    );
  }
}

/** A bar for a share 0..1, with its text beside it. */
export function bar(share: number, text: string, kind = ''): HTMLElement {
  const fill = h('i');
  fill.style.width = `${Math.min(100, Math.max(0, share * 100)).toFixed(1)}%`;
  return h('span', { class: `bar ${kind}` }, h('span', { class: 'track', 'aria-hidden': 'true' }, fill), h('span', {}, text));
}

/** Name and figure pairs, changed in place. */
export class Facts {
  readonly element = h('dl', { class: 'facts' });
  private readonly values = new Map<string, HTMLElement>();

  constructor(names: readonly (readonly [string, string])[]) {
    for (const [name, title] of names) {
      const value = h('dd', {}, '–');
      this.values.set(name, value);
      this.element.append(h('div', { title }, h('dt', {}, name), value));
    }
  }

  set(name: string, text: string): void {
    const value = this.values.get(name);
    if (value) setText(value, text);
  }
}
