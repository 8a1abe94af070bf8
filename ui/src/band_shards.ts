// SPDX-License-Identifier: BSD-2-Clause
// Band 3: is the work spread evenly? A heat map of shards over time, a table of what each holds, the
// imbalance as one number over time, and what the balancer did and why. "Balance now" shows a dry
// run first, as the command has one.
import { actionButton } from './action';
import { bar, Facts, frame, Poll, Table, type Band } from './band';
import { Chart } from './chart';
import { h, reconcile, setText } from './dom';
import { bytes, clock, count, digits, seconds } from './format';
import { Heat } from './heat';
import { SlotMap } from './slots';
import { listOf, type Model, type Shard } from './model';
import { view } from './view';

interface Cycle {
  at_ms: number;
  by: string;
  dry_run: number;
  imbalance: number;
  expected: number;
  keys: number;
  bytes: number;
  why: string;
  moves?: { partition: number; from: number; to: number; load_ns_per_second: number }[];
}
interface Balance {
  enabled: number;
  imbalance: number;
  looks: number;
  rebalances: number;
  partitions_moved: number;
  keys_moved: number;
  bytes_moved: number;
  moved_at_ms: number;
  why: string;
  cycles: Cycle[];
}

type HeatOf = 'load' | 'entries' | 'bytes';

export class ShardBand implements Band {
  readonly element: HTMLElement;
  private heatOf: HeatOf = 'load';
  private readonly table: Table<Shard>;
  private readonly facts = new Facts([
    ['balancer', 'Whether it moves partitions by itself'],
    ['max / mean', 'Load of the busiest shard against the mean'],
    ['rebalances', 'Times that partitions were moved'],
    ['partitions moved', 'Since the start'],
    ['entries moved', 'Since the start'],
    ['last move', 'When partitions were moved last'],
  ]);
  private readonly why = h('p', { class: 'why' });
  private readonly cycles = h('ol', { class: 'cycles' });
  private readonly balance: Poll<Balance>;
  private readonly slots: SlotMap;

  constructor(private readonly model: Model) {
    const select = h('select', { 'aria-label': 'What the heat map shows' }, ...(['load', 'entries', 'bytes'] as const).map((v) => h('option', { value: v }, v)));
    select.addEventListener('change', () => {
      this.heatOf = select.value as HeatOf;
      view.request();
    });
    const source = (): number[][] => (this.heatOf === 'load' ? model.shardLoads : this.heatOf === 'entries' ? model.shardKeys : model.shardBytes);
    const heat = new Heat(model, {
      title: 'Shards over time',
      note: 'One row per shard; brighter is more. A row that stays brighter than the others is a hot shard.',
      rows: () => listOf<Shard>(model.tick?.shards).map((s) => `shard ${s.shard}`),
      value: (r, i) => source()[i]?.[r] ?? null,
      format: (v) => (this.heatOf === 'load' ? `${seconds(v / 1e9)} of work per s` : this.heatOf === 'entries' ? `${count(v)} entries` : bytes(v)),
    }, select);
    const imbalance = new Chart(model, {
      title: 'Imbalance', height: 150,
      note: 'Busiest shard against the mean (1 is even), and Gini’s number (0 is even).',
      lines: [
        { label: 'max / mean', values: (m) => m.series.imbalance, color: 1 },
        { label: 'Gini', values: (m) => m.series.gini, color: 2, dash: [6, 3] },
      ],
      format: (v) => (v === null || v === undefined ? '–' : digits(v)),
    });
    this.table = new Table<Shard>('Shards', [
      { head: 'shard', cell: (s) => String(s.shard), number: true },
      { head: 'load of mean', cell: (s) => bar(s.load_of_mean / Math.max(2, this.most()), `${digits(s.load_of_mean)} ×`, s.load_of_mean > 1.5 ? 'warn' : ''), wide: true },
      { head: 'entries', cell: (s) => count(s.keys), number: true },
      { head: 'bytes', cell: (s) => bytes(s.bytes), number: true },
      { head: 'partitions', cell: (s) => count(s.partitions), number: true, extra: true },
      { head: 'busiest partition', cell: (s) => `${s.busiest_partition} (${s.load_ns_per_second > 0 ? Math.round((100 * s.busiest_ns_per_second) / s.load_ns_per_second) : 0} %)`, number: true, extra: true },
    ], (s) => String(s.shard), 'No shard has reported yet.');
    this.slots = new SlotMap();
    this.balance = new Poll('balance', 3000, () => this.showBalance());
    const again = (): void => this.balance.soon();
    this.element = frame(
      'shards', 'Shards and balancing', 'Whether the work is spread evenly, and what the balancer did about it.',
      [actionButton('Balance now', () => ({
        title: 'Balance now',
        text: 'Moves partitions from busy shards to idle ones. The dry run says which, and why; nothing is moved by it.',
        argv: ['ATTL.BALANCE', 'NOW'], dryRun: ['ATTL.BALANCE', 'DRYRUN'], done: again,
      }))],
      h('div', { class: 'grid two' }, heat.element, this.slots.element),
      h('div', { class: 'grid two' }, this.table.element, h('div', {}, imbalance.element, this.facts.element, this.why, this.cycles)),
    );
  }

  private most(): number {
    return Math.max(0, ...listOf<Shard>(this.model.tick?.shards).map((s) => s.load_of_mean));
  }

  tick(): void {
    const now = Date.now();
    this.table.show(listOf<Shard>(this.model.tick?.shards));
    this.balance.tick(now);
    this.slots.tick(now);
  }

  private showBalance(): void {
    const b = this.balance.value;
    if (!b) return;
    this.facts.set('balancer', b.enabled ? 'on' : 'off');
    this.facts.set('max / mean', digits(b.imbalance));
    this.facts.set('rebalances', count(b.rebalances));
    this.facts.set('partitions moved', count(b.partitions_moved));
    this.facts.set('entries moved', count(b.keys_moved));
    this.facts.set('last move', b.moved_at_ms > 0 ? clock(b.moved_at_ms) : 'never');
    setText(this.why, b.why);
    reconcile(this.cycles, listOf<Cycle>(b.cycles).slice(0, 5), (c) => String(c.at_ms), () => h('li'), (e, c) => {
      const moves = listOf<{ partition: number; from: number; to: number }>(c.moves);
      setText(e, `${clock(c.at_ms)}${c.dry_run ? ' (dry run)' : ''} ${digits(c.imbalance)} → ${digits(c.expected)}: ${moves.slice(0, 8).map((m) => `${m.partition}: ${m.from}→${m.to}`).join(', ')}${moves.length > 8 ? ` and ${moves.length - 8} more` : ''}`);
    });
  }
}
