// SPDX-License-Identifier: BSD-2-Clause
// Band 7: would the data survive? How far the log is written and durable, how long syncs take, what
// snapshots there are and whether they were read back, and how long a start would take now. Where
// nothing is kept on disk the band says so in a sentence and shows no row of zeros.
import { actionButton } from './action';
import { Facts, frame, Poll, Table, type Band } from './band';
import { Chart } from './chart';
import { h, reconcile, setAttr, setText } from './dom';
import { bytes, count, NOTHING, seconds, span, when } from './format';
import { listOf, num, type Model } from './model';

interface Snapshot {
  name: string;
  lsn: number;
  created_ms: number;
  entries: number;
  bytes: number;
  verified: number;
}
interface Scrub {
  running: number;
  pass_bytes_done: number;
  pass_bytes_total: number;
  passes: number;
  last_pass_ms: number;
  damaged: number;
  unhealed: number;
  unreadable: number;
}

export class LogBand implements Band {
  readonly element: HTMLElement;
  private readonly off = h('p', { class: 'empty', hidden: true }, 'Memory only: changes are not logged (persist.fsync is off), and a restart begins empty unless a snapshot is there.');
  private readonly strip = h('div', { class: 'split log', role: 'img' });
  private readonly stripText = h('p', { class: 'note' });
  private readonly logBox: HTMLElement;
  private readonly logCharts: HTMLElement;
  private readonly snapshots: Table<Snapshot>;
  private readonly snapshotPoll: Poll<Snapshot[]>;
  private readonly scrubPoll: Poll<Scrub>;
  private readonly facts = new Facts([
    ['log', 'State of the log'],
    ['log on disk', 'Bytes and segments of the log'],
    ['fsync p99', 'Of the last thousand syncs or so'],
    ['last snapshot', 'How long ago'],
    ['its size', 'Bytes and entries'],
    ['read back', 'Whether it was verified after it was written'],
    ['changes since', 'Since the last snapshot'],
    ['a start would take', 'Estimate of the time to read snapshot and log now'],
    ['last start took', 'Time to recover, and what it recovered'],
    ['scrub', 'Re-reading of files: passes, and what was found'],
  ]);

  constructor(private readonly model: Model) {
    const lag = new Chart(model, {
      title: 'Not yet durable', height: 150,
      note: 'Bytes of the log that a power cut would take now.',
      lines: [{ label: 'bytes', values: (m) => m.series.unsynced, color: 2, fill: true }],
      format: bytes,
    });
    const sync = new Chart(model, {
      title: 'Sync time', height: 150,
      note: 'How long it takes to make the log durable; a slow disk shows here first.',
      lines: [{ label: 'fsync p99', values: (m) => m.series.fsyncP99, color: 1 }],
      format: seconds,
    });
    this.snapshots = new Table<Snapshot>('Snapshots', [
      { head: 'when', cell: (s) => when(s.created_ms) },
      { head: 'entries', cell: (s) => count(s.entries), number: true },
      { head: 'size', cell: (s) => bytes(s.bytes), number: true },
      { head: 'read back', cell: (s) => (s.verified ? '● yes' : '▲ no') },
      { head: 'name', cell: (s) => s.name, extra: true },
    ], (s) => s.name, 'There is no snapshot yet.');
    this.snapshotPoll = new Poll('snapshots', 10_000, () => this.snapshots.show(listOf<Snapshot>(this.snapshotPoll.value).slice().reverse().slice(0, 8), this.snapshotPoll.problem));
    this.scrubPoll = new Poll('scrub', 5000, () => this.showScrub());
    this.logBox = h('div', {}, h('h3', {}, 'Log'), this.strip, this.stripText);
    this.logCharts = h('div', { class: 'grid two' }, lag.element, sync.element);
    const soon = (): void => {
      this.snapshotPoll.soon();
      this.scrubPoll.soon();
    };
    this.element = frame('durability', 'Durability', 'Whether the data would survive, and how long a start would take.',
      [
        actionButton('Snapshot now', () => ({ title: 'Take a snapshot', text: 'Writes all entries to a file in the background; clients are served meanwhile.', argv: ['BGSAVE'], done: soon })),
        actionButton('Read files again', () => ({ title: 'Read all files again', text: 'Checks every snapshot and log segment against its checksums, and heals what is damaged.', argv: ['ATTL.SCRUB', 'NOW'], done: soon })),
      ],
      this.off, this.logBox, this.logCharts,
      h('div', { class: 'grid two' }, h('div', {}, h('h3', {}, 'Snapshots'), this.snapshots.element), this.facts.element));
  }

  tick(): void {
    const now = Date.now();
    const info = this.model.tick?.info;
    const n = (field: string): number | null => num(info, 'persistence', field);
    const state = String(info?.persistence?.attl_log_state ?? 'off');
    const on = state !== 'off';
    this.off.hidden = on;
    this.logBox.hidden = !on;
    this.logCharts.hidden = !on;
    if (on) this.showStrip(n('attl_next_lsn'), n('attl_written_lsn'), n('attl_durable_lsn'), n('attl_last_snapshot_lsn'));
    const age = n('attl_last_snapshot_age_s');
    const has = age !== null && age >= 0;
    this.facts.set('log', state);
    this.facts.set('log on disk', on ? `${bytes(n('attl_log_bytes'))} in ${count(n('attl_log_segments'))}` : NOTHING);
    this.facts.set('fsync p99', on ? seconds((n('attl_fsync_p99_us') ?? 0) / 1e6) : NOTHING);
    this.facts.set('last snapshot', has ? `${span(age)} ago` : 'none');
    this.facts.set('its size', has ? `${bytes(n('attl_last_snapshot_bytes'))}, ${count(n('attl_last_snapshot_entries'))} entries` : NOTHING);
    this.facts.set('read back', has ? (n('attl_last_snapshot_verified') ? '● yes' : '▲ no') : NOTHING);
    this.facts.set('changes since', count(n('rdb_changes_since_last_save')));
    this.facts.set('a start would take', on || has ? seconds((n('attl_replay_estimate_ms') ?? 0) / 1000) : NOTHING);
    this.facts.set('last start took', `${seconds((n('attl_recovery_ms') ?? 0) / 1000)}, ${count(n('attl_recovered_entries'))} entries`);
    this.snapshotPoll.tick(now);
    this.scrubPoll.tick(now);
  }

  private showStrip(next: number | null, written: number | null, durable: number | null, snapshot: number | null): void {
    const from = snapshot ?? 0;
    const whole = Math.max(1, (next ?? 0) - from);
    const parts = [
      { key: 'durable', cls: 'p0', size: Math.max(0, (durable ?? 0) - from) },
      { key: 'written', cls: 'p1', size: Math.max(0, (written ?? 0) - Math.max(from, durable ?? 0)) },
      { key: 'waiting', cls: 'p3', size: Math.max(0, (next ?? 0) - Math.max(from, written ?? 0)) },
    ];
    reconcile(this.strip, parts, (p) => p.key, (p) => h('span', { class: p.cls }), (e, p) => {
      (e as HTMLElement).style.width = `${((100 * p.size) / whole).toFixed(2)}%`;
    });
    const text = `Since the last snapshot (position ${count(from)}): durable up to ${count(durable)}, written up to ${count(written)}, next ${count(next)}.`;
    setAttr(this.strip, 'aria-label', text);
    setText(this.stripText, text);
  }

  private showScrub(): void {
    const s = this.scrubPoll.value;
    if (!s) return;
    const found = s.unhealed || s.unreadable ? `▲ ${s.unhealed} unhealed, ${s.unreadable} unreadable` : s.damaged ? `${s.damaged} damaged, healed` : 'nothing found';
    this.facts.set('scrub', s.running ? `running, ${bytes(s.pass_bytes_done)} of ${bytes(s.pass_bytes_total)}` : s.passes > 0 ? `${s.passes} passes, ${found}` : 'not yet');
  }
}
