// SPDX-License-Identifier: BSD-2-Clause
// Band 4: traffic and how long it takes. Durations come as histograms whose classes double; the page
// takes the difference of two readings, so that the heat map and the lines show each second and not
// the mean since the start. Below, where the time goes by stage, and the slow commands.
import { bar, frame, Poll, Table, type Band } from './band';
import { Chart } from './chart';
import { h } from './dom';
import { bytes, clock, count, NOTHING, percent, redactCommand, seconds, when } from './format';
import { Heat } from './heat';
import { quantile, total } from './hist';
import { listOf, type HistTrack, type Model } from './model';
import { view } from './view';

interface Slow {
  id: number;
  time_s: number;
  duration_us: number;
  command: string[];
  addr: string;
  trace: string;
}

function commandText(s: Slow): string {
  const words = listOf<unknown>(s.command).map(String);
  return view.showKeys ? words.join(' ').slice(0, 160) : redactCommand(words);
}

const STAGES: [string, string][] = [
  ['queue', 'waiting for the turn'],
  ['read', 'reading in the cache'],
  ['write', 'writing in the cache'],
  ['fsync', 'making the log durable'],
];

export class LatencyBand implements Band {
  readonly element: HTMLElement;
  private family = '';
  private readonly select = h('select', { 'aria-label': 'Family of commands' }, h('option', { value: '' }, 'all commands'));
  private readonly stages: Table<[string, string]>;
  private readonly slow: Table<Slow>;
  private readonly poll: Poll<Slow[]>;

  constructor(private readonly model: Model) {
    const traffic = new Chart(model, {
      title: 'Traffic',
      note: 'Commands per second, and the reads among them that found an entry or none.',
      lines: [
        { label: 'requests', values: (m) => m.series.ops, color: 1, fill: true },
        { label: 'hits', values: (m) => m.series.hits, color: 3, dash: [8, 3] },
        { label: 'misses', values: (m) => m.series.misses, color: 4, dash: [2, 3] },
      ],
      format: count,
    });
    const network = new Chart(model, {
      title: 'Network',
      note: 'Bytes per second from and to clients.',
      lines: [
        { label: 'in', values: (m) => m.series.netIn, color: 1 },
        { label: 'out', values: (m) => m.series.netOut, color: 2, dash: [6, 3] },
      ],
      format: bytes,
    });
    const lines = new Chart(model, {
      title: 'Time to execute', log: true,
      note: 'Of the last ten seconds: 99 of 100 commands are faster than p99 (one in 16 is timed).',
      lines: [
        { label: 'p50', values: (m) => m.series.p50, color: 3 },
        { label: 'p99', values: (m) => m.series.p99, color: 1, dash: [8, 3] },
        { label: 'p99.9', values: (m) => m.series.p999, color: 4, dash: [2, 3] },
      ],
      format: seconds,
      empty: 'No command has been timed yet.',
    });
    this.select.addEventListener('change', () => {
      this.family = this.select.value;
      view.request();
    });
    const heat = new Heat(model, {
      title: 'Durations', log: true, upward: true,
      note: 'How many commands took how long, each second; a second band above the first is a slow path.',
      rows: () => this.heatRows().map((r) => r.name),
      value: (r, i) => this.heatValue(r, i),
      format: (v) => `${count(v)} timed`,
      height: () => 180,
    }, this.select);
    this.stages = new Table<[string, string]>('Stages', [
      { head: 'stage', cell: (s) => s[1] },
      { head: 'p99 of the last minute', cell: (s) => this.stageBar(s[0]), wide: true },
      { head: 'p50', cell: (s) => seconds(this.stageQuantile(s[0], 0.5)), number: true },
      { head: 'measured', cell: (s) => count(this.stageCount(s[0])), number: true, extra: true },
    ], (s) => s[0], 'No stage has been measured yet.');
    this.slow = new Table<Slow>('Slow commands', [
      { head: 'when', cell: (s) => h('span', { title: when(s.time_s * 1000) }, clock(s.time_s * 1000)) },
      { head: 'took', cell: (s) => seconds(s.duration_us / 1e6), number: true },
      { head: 'command', cell: (s) => commandText(s), wide: true },
      { head: 'client', cell: (s) => h('span', { class: 'nowrap' }, s.addr), extra: true },
      { head: 'trace', cell: (s) => s.trace || NOTHING, extra: true },
    ], (s) => String(s.id), 'No command took longer than latency.slowlog_log_slower_than.');
    this.poll = new Poll('slow?count=64', 3000, () => this.slow.show(listOf<Slow>(this.poll.value).slice(0, 30), this.poll.problem));
    this.element = frame(
      'latency', 'Traffic and latency', 'What is asked of the cache, and how long it takes.', [],
      h('div', { class: 'grid two' }, traffic.element, lines.element),
      h('div', { class: 'grid two' }, heat.element, network.element),
      h('div', { class: 'grid two' },
        h('div', {}, h('h3', {}, 'Where the time goes'), h('p', { class: 'note' }, 'By stage; one read or write in 64 is timed inside the cache.'), this.stages.element),
        h('div', {}, h('h3', {}, 'Slow commands'), h('p', { class: 'note' }, 'The slow log, newest first; keys and values are hidden unless “Show keys” below is pressed.'), this.slow.element)),
    );
  }

  private tracks(): HistTrack[] {
    const all = [...this.model.families.values()];
    return this.family ? all.filter((t) => t.label === this.family) : all;
  }

  /** The classes that anything fell into while we watched, and one at each side. */
  private heatRows(): { name: string; at: number }[] {
    const tracks = this.tracks();
    if (tracks.length === 0) return [];
    let low = Infinity;
    let high = -1;
    for (const t of tracks)
      for (const w of t.windows)
        w?.forEach((n, i) => {
          if (n > 0) {
            low = Math.min(low, i);
            high = Math.max(high, i);
          }
        });
    if (high < 0) return [];
    const { bounds } = tracks[0];
    const rows: { name: string; at: number }[] = [];
    for (let i = low; i <= Math.max(high, low + 5) && i < bounds.length; i++) rows.push({ name: bounds[i] === null ? 'longer' : `≤ ${seconds(bounds[i])}`, at: i });
    return rows;
  }

  private rowsNow: { name: string; at: number }[] = [];

  private heatValue(row: number, index: number): number | null {
    const at = this.rowsNow[row]?.at;
    if (at === undefined) return null;
    let sum: number | null = null;
    for (const t of this.tracks()) {
      const w = t.windows[index];
      if (w) sum = (sum ?? 0) + w[at];
    }
    return sum;
  }

  private stageRecent(stage: string): { counts: number[]; bounds: (number | null)[] } | null {
    const track = this.model.stages.get(stage);
    return track ? this.model.recent([track], 60) : null;
  }

  private stageQuantile(stage: string, q: number): number | null {
    const r = this.stageRecent(stage);
    return r && quantile(r.counts, r.bounds, q);
  }

  private stageCount(stage: string): number {
    const r = this.stageRecent(stage);
    return r ? total(r.counts) : 0;
  }

  private stageBar(stage: string): HTMLElement {
    const all = STAGES.map(([s]) => this.stageQuantile(s, 0.99) ?? 0);
    const value = this.stageQuantile(stage, 0.99);
    const most = Math.max(...all, 1e-9);
    // By the logarithm from 100 ns: stages differ by orders of magnitude.
    const share = value ? Math.max(0.02, Math.log(value / 1e-7) / Math.log(Math.max(2, most / 1e-7))) : 0;
    return bar(share, seconds(value));
  }

  tick(): void {
    this.rowsNow = this.heatRows();
    const labels = [...this.model.families.keys()].sort();
    if (this.select.options.length !== labels.length + 1) {
      const old = this.select.value;
      this.select.replaceChildren(h('option', { value: '' }, 'all commands'), ...labels.map((l) => h('option', { value: l }, l)));
      this.select.value = old;
    }
    this.stages.show(this.model.stages.size > 0 ? STAGES : []);
    this.poll.tick(Date.now());
  }
}

/** Exported for the diagnostics: where the reads went. */
export function missCauses(model: Model): string {
  const causes = ['cold', 'expired', 'evicted', 'deleted'].map((c) => [c, model.metric('attl_misses_by_cause_total', { cause: c }) ?? 0] as const);
  const all = causes.reduce((a, [, n]) => a + n, 0);
  return all === 0 ? NOTHING : causes.map(([c, n]) => `${c} ${percent(n / all)}`).join(', ');
}

