// SPDX-License-Identifier: BSD-2-Clause
// Band 5: what leaves the cache and why, how punctually, and what the memory consists of. Parts are
// those of the metric attl_memory_bytes, which add up to what is used; the bar is drawn to the
// limit, so that free room is seen as room.
import { Facts, frame, Poll, type Band } from './band';
import { Chart } from './chart';
import { h, reconcile, setAttr, setText } from './dom';
import { bytes, count, NOTHING, percent, seconds } from './format';
import { missCauses } from './band_latency';
import { listOf, type Model } from './model';

const PARTS: [string, string][] = [
  ['records', 'live keys and values'],
  ['values', 'big values, outside records'],
  ['index', 'index'],
  ['dead', 'deleted or expired, not yet reclaimed'],
  ['unsealed', 'room reserved for writing'],
  ['retired', 'waits for readers to leave'],
  ['ghost', 'memory of evicted keys'],
];

interface Due {
  up_to_ms: number;
  bytes: number;
}

/** The bins in words: overdue, within a minute ... later. They are disjoint, as the server's are. */
export function dueRows(due: readonly Due[]): { name: string; bytes: number }[] {
  return due.map((d) => ({
    name: d.up_to_ms < 0 ? 'later' : d.up_to_ms === 0 ? 'overdue' : `within ${spanWord(d.up_to_ms / 1000)}`,
    bytes: d.bytes,
  }));
}

function spanWord(s: number): string {
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${s / 60} min`;
  return s < 86400 ? `${s / 3600} h` : `${s / 86400} d`;
}

export class MemoryBand implements Band {
  readonly element: HTMLElement;
  private readonly split = h('div', { class: 'split', role: 'img', 'aria-label': 'Parts of the memory' });
  private readonly parts = h('ul', { class: 'parts' });
  private readonly due = h('ul', { class: 'parts due' });
  private readonly dueBox: HTMLElement;
  private readonly poll: Poll<Due[]>;
  private readonly facts = new Facts([
    ['process', 'Resident memory of the process'],
    ['committed', 'Memory taken from the system for the cache'],
    ['clients', 'Buffers of clients'],
    ['ledger', 'Memory of what removed keys, beside the limit'],
    ['bytes per entry', 'Used memory by entries'],
    ['pressure', 'Level of memory pressure, 0 is none'],
    ['refused', 'Writes that were refused because nothing could be evicted'],
    ['mean life left', 'Of the entries with a deadline'],
    ['misses', 'Why reads found nothing, since the start'],
  ]);

  constructor(private readonly model: Model) {
    const used = new Chart(model, {
      title: 'Memory',
      note: 'Used by the cache against its limit, and what the whole process has.',
      lines: [
        { label: 'used', values: (m) => m.series.used, color: 1, fill: true },
        { label: 'process', values: (m) => m.series.rss, color: 2, dash: [6, 3] },
        { label: 'limit', values: (m) => m.series.limit, color: 4, limit: true },
      ],
      format: bytes,
    });
    const removals = new Chart(model, {
      title: 'Removals',
      note: 'Entries per second that left: their time was over, they were deleted, or they made room.',
      lines: [
        { label: 'expired', values: (m) => m.series.expired, color: 1, fill: true },
        { label: 'deleted', values: (m) => m.series.deletes, color: 3, dash: [8, 3] },
        { label: 'evicted', values: (m) => m.series.evicted, color: 4, dash: [2, 3] },
      ],
      format: count,
    });
    const lag = new Chart(model, {
      title: 'Expiry lag', height: 150,
      note: 'From the deadline of an entry to the return of its memory; no read ever sees it after the deadline.',
      lines: [{ label: 'mean of those reclaimed', values: (m) => m.series.expireLag, color: 1 }],
      format: seconds,
      empty: 'Nothing has expired while this page was open.',
    });
    const items = new Chart(model, {
      title: 'Entries', height: 150,
      note: 'How many there are, those that have expired and are not yet reclaimed included.',
      lines: [{ label: 'entries', values: (m) => m.series.items, color: 5, fill: true }],
      format: count,
    });
    this.dueBox = h('div', { hidden: true }, h('h3', {}, 'Due'), h('p', { class: 'note' }, 'Memory of the entries that reach their deadline, by when; those without one are not in it.'), this.due);
    this.poll = new Poll('due', 5000, () => this.showDue());
    this.facts.element.lastElementChild?.classList.add('whole');
    this.element = frame('memory', 'Expiry and memory', 'What leaves the cache and why, and what the memory consists of.', [],
      h('div', { class: 'grid two' }, used.element, removals.element),
      h('div', { class: 'grid two' },
        h('div', {}, h('h3', {}, 'What the memory consists of'), h('p', { class: 'note' }, 'The parts add up to what is used; the bar ends at the limit.'), this.split, this.parts),
        h('div', {}, this.dueBox, this.facts.element)),
      h('div', { class: 'grid two' }, lag.element, items.element));
  }

  tick(): void {
    const { model } = this;
    const m = (name: string, labels?: Record<string, string>): number | null => model.metric(name, labels);
    const used = model.last('used') ?? 0;
    const whole = Math.max(model.last('limit') ?? used, used, 1);
    const rows = PARTS.map(([part, text], i) => ({ part, text, i, size: m('attl_memory_bytes', { part }) ?? 0 })).filter((r) => r.size > 0);
    reconcile(this.split, rows, (r) => r.part, (r) => h('span', { class: `p${r.i}` }), (e, r) => {
      (e as HTMLElement).style.width = `${((100 * r.size) / whole).toFixed(2)}%`;
      setAttr(e, 'title', `${r.text}: ${bytes(r.size)}`);
    });
    setAttr(this.split, 'aria-label', `Memory: ${rows.map((r) => `${r.text} ${bytes(r.size)}`).join(', ')} of ${bytes(whole)}`);
    reconcile(this.parts, rows, (r) => r.part, (r) => h('li', { class: `p${r.i}` }, h('i', { 'aria-hidden': 'true' }), h('span', {}, r.text), h('b'), h('small')), (e, r) => {
      setText(e.children[2], bytes(r.size));
      setText(e.children[3], percent(r.size / Math.max(1, used)));
    });
    this.poll.tick(Date.now());
    const items = model.last('items') ?? 0;
    this.facts.set('process', bytes(model.last('rss')));
    this.facts.set('committed', bytes(m('attl_memory_committed_bytes')));
    this.facts.set('clients', bytes(m('attl_memory_bytes', { part: 'clients' })));
    this.facts.set('ledger', bytes(m('attl_memory_bytes', { part: 'ledger' })));
    this.facts.set('bytes per entry', items > 0 ? bytes(used / items) : NOTHING);
    this.facts.set('pressure', `level ${m('attl_pressure_level') ?? NOTHING}`);
    this.facts.set('refused', count(m('attl_refused_full_total')));
    this.facts.set('mean life left', seconds(model.last('meanLife')));
    this.facts.set('misses', missCauses(model));
  }

  private showDue(): void {
    const rows = dueRows(listOf<Due>(this.poll.value));
    this.dueBox.hidden = rows.length === 0;
    const most = Math.max(1, ...rows.map((r) => r.bytes));
    reconcile(this.due, rows, (r) => r.name, (r) => h('li', {}, h('span', {}, r.name), h('span', { class: 'track', 'aria-hidden': 'true' }, h('i')), h('b')), (e, r) => {
      (e.children[1].firstElementChild as HTMLElement).style.width = `${((100 * r.bytes) / most).toFixed(1)}%`;
      setText(e.children[2], bytes(r.bytes));
    });
  }
}
