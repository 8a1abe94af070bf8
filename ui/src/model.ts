// SPDX-License-Identifier: BSD-2-Clause
// What the page knows: the last event, the last metrics, and a quarter of an hour of figures made
// from the differences between events. Columns of one length, so that charts take them as they are;
// what is unknown is null and leaves a gap. One writer (the stream), many readers (the bands).
// Nothing here touches the document.
import type { Metrics, Sample } from './api';
import { addInto, gini, maxOfMean, quantile, rate, total, window as histWindow, type Buckets } from './hist';

export interface Check {
  area: string;
  check: string;
  status: string;
  value: number | null;
  limit: number | null;
  text: string;
}
export interface Health {
  status: string;
  areas: Record<string, string>;
  problems: unknown[];
  checks: Check[];
}
export interface Shard {
  shard: number;
  partitions: number;
  keys: number;
  bytes: number;
  load_ns_per_second: number;
  load_of_mean: number;
  busiest_partition: number;
  busiest_ns_per_second: number;
}
export interface Incident {
  id: number;
  kind: string;
  severity: string;
  state: string;
  level: number;
  times: number;
  simulated: number;
  since_ms: number;
  changed_ms: number;
  resolved_ms: number;
  value: number;
  limit: number;
  correlation: string;
  cause: string;
  actions: unknown[];
  response: string;
}
export type Info = Record<string, Record<string, number | string>>;
export interface Tick {
  time_ms: number;
  number: number;
  ready: boolean;
  info: Info;
  stats: Record<string, number>;
  health: Health;
  shards: Shard[];
  incidents: Incident[];
}

export const KEEP = 900;
export const COLUMNS = [
  'ops', 'hits', 'misses', 'hitRatio', 'netIn', 'netOut', 'clients',
  'sets', 'deletes', 'expired', 'evicted', 'expireLag', 'meanLife',
  'used', 'limit', 'rss', 'items', 'cpu', 'queueP99',
  'imbalance', 'gini', 'unsynced', 'fsyncP99', 'changes', 'p50', 'p99', 'p999',
] as const;
export type Column = (typeof COLUMNS)[number];
export type Series = Record<Column, (number | null)[]>;

/** One histogram's windows over time, and the reading they are made from. */
export interface HistTrack {
  label: string;
  bounds: (number | null)[];
  last: Buckets;
  windows: (number[] | null)[];
}

export type Worst = 'ok' | 'warn' | 'bad' | 'stale';

export interface Mark {
  at_ms: number;
  text: string;
}

export class Model {
  tick: Tick | null = null;
  before: Tick | null = null;
  metrics: Metrics | null = null;
  times: number[] = []; // seconds, as uPlot wants them
  series: Series = Object.fromEntries(COLUMNS.map((c) => [c, []])) as unknown as Series;
  shardLoads: number[][] = [];
  shardKeys: number[][] = [];
  shardBytes: number[][] = [];
  families = new Map<string, HistTrack>();
  stages = new Map<string, HistTrack>();
  marks: Mark[] = [];
  heard_ms = 0;
  private restarts = new Set<string>();

  /** Takes an event; `now_ms` is the reader's clock, for what is stale. */
  takeTick(tick: Tick, now_ms: number): void {
    this.before = this.tick && this.sameLife(this.tick, tick) ? this.tick : null;
    this.tick = tick;
    this.heard_ms = now_ms;
    this.noteRestart(tick);
    this.append(tick, this.before);
  }

  private sameLife(a: Tick, b: Tick): boolean {
    return a.info?.server?.run_id === b.info?.server?.run_id;
  }

  private noteRestart(tick: Tick): void {
    const id = String(tick.info?.server?.run_id ?? '');
    if (this.restarts.has(id)) return;
    this.restarts.add(id);
    const up = Number(tick.info?.server?.uptime_in_seconds ?? 0);
    this.marks.push({ at_ms: tick.time_ms - up * 1000, text: 'attld started' });
  }

  private append(tick: Tick, before: Tick | null): void {
    this.times.push(tick.time_ms / 1000);
    const row = deriveRow(tick, before);
    for (const c of COLUMNS) this.series[c].push(row[c] ?? null);
    const shards = Array.isArray(tick.shards) ? tick.shards : [];
    this.shardLoads.push(shards.map((s) => s.load_ns_per_second));
    this.shardKeys.push(shards.map((s) => s.keys));
    this.shardBytes.push(shards.map((s) => s.bytes));
    if (this.times.length > KEEP) this.forget();
  }

  private forget(): void {
    this.times.shift();
    for (const c of COLUMNS) this.series[c].shift();
    for (const list of [this.shardLoads, this.shardKeys, this.shardBytes]) list.shift();
    for (const track of [...this.families.values(), ...this.stages.values()]) track.windows.shift();
  }

  /** Metrics belong to the event before them: their windows have the same index. */
  takeMetrics(metrics: Metrics): void {
    this.metrics = metrics;
    this.takeHistograms(this.families, metrics.attl_command_duration_seconds?.samples ?? [], ['family', 'access']);
    this.takeHistograms(this.stages, metrics.attl_stage_duration_seconds?.samples ?? [], ['stage']);
    const at = this.times.length - 1;
    const recent = this.recent([...this.families.values()], 10);
    if (at < 0 || !recent) return;
    this.series.p50[at] = quantile(recent.counts, recent.bounds, 0.5);
    this.series.p99[at] = quantile(recent.counts, recent.bounds, 0.99);
    this.series.p999[at] = quantile(recent.counts, recent.bounds, 0.999);
  }

  private takeHistograms(into: Map<string, HistTrack>, samples: Sample[], names: string[]): void {
    for (const s of samples) {
      if (!s.buckets) continue;
      const label = names.map((n) => s.labels[n]).filter((v) => v && v !== 'other').join(' ');
      let track = into.get(label);
      const counts = track ? histWindow(s.buckets, track.last) : null;
      if (!track) {
        track = { label, bounds: s.buckets.map((b) => b[0]), last: s.buckets, windows: [] };
        into.set(label, track);
      }
      while (track.windows.length < this.times.length - 1) track.windows.push(null);
      track.windows[Math.max(0, this.times.length - 1)] = counts;
      track.last = s.buckets;
    }
  }

  /** The sum of the last `seconds` windows of some histograms. */
  recent(tracks: readonly HistTrack[], seconds: number): { counts: number[]; bounds: (number | null)[] } | null {
    if (tracks.length === 0) return null;
    const counts: number[] = tracks[0].bounds.map(() => 0);
    const from = Math.max(0, this.times.length - seconds);
    for (const track of tracks)
      for (const w of track.windows.slice(from)) if (w) addInto(counts, w);
    return { counts, bounds: tracks[0].bounds };
  }

  last(column: Column): number | null {
    const values = this.series[column];
    for (let i = values.length - 1; i >= Math.max(0, values.length - 3); i--) if (values[i] !== null) return values[i];
    return null;
  }

  metric(name: string, labels: Record<string, string> = {}): number | null {
    const found = this.metrics?.[name]?.samples.find((s) => Object.entries(labels).every(([k, v]) => s.labels[k] === v));
    return found?.value ?? null;
  }

  isStale(now_ms: number): boolean {
    return now_ms - this.heard_ms > 3000;
  }

  openIncidents(): Incident[] {
    return listOf<Incident>(this.tick?.incidents).filter((i) => i.state !== 'resolved');
  }
}

export function listOf<T>(value: unknown): T[] {
  return Array.isArray(value) ? (value as T[]) : [];
}

export function num(info: Info | undefined, section: string, field: string): number | null {
  const value = info?.[section]?.[field];
  const n = typeof value === 'number' ? value : value === undefined || value === '' ? NaN : Number(value);
  return Number.isFinite(n) ? n : null;
}

/** The figures of one second. Rates need the event before; without it they are unknown. */
export function deriveRow(tick: Tick, before: Tick | null): Partial<Record<Column, number | null>> {
  const dt = before ? (tick.time_ms - before.time_ms) / 1000 : 0;
  const s = tick.stats ?? {};
  const b: Record<string, number> = before?.stats ?? {};
  const per = (field: string): number | null => (before ? rate(s[field], b[field], dt) : null);
  const infoPer = (section: string, field: string): number | null =>
    before ? rate(num(tick.info, section, field) ?? undefined, num(before.info, section, field) ?? undefined, dt) : null;
  const hits = per('hits');
  const misses = per('misses');
  const reads = (hits ?? 0) + (misses ?? 0);
  const reclaimed = before ? s.expired - b.expired : 0;
  const loads = listOf<Shard>(tick.shards).map((x) => x.load_ns_per_second);
  const sys = infoPer('cpu', 'used_cpu_sys');
  const user = infoPer('cpu', 'used_cpu_user');
  return {
    ops: infoPer('stats', 'total_commands_processed'),
    hits,
    misses,
    hitRatio: reads > 0 ? (hits ?? 0) / reads : null,
    netIn: infoPer('stats', 'total_net_input_bytes'),
    netOut: infoPer('stats', 'total_net_output_bytes'),
    clients: num(tick.info, 'clients', 'connected_clients'),
    sets: per('sets'),
    deletes: per('deletes'),
    expired: per('expired'),
    evicted: per('evicted'),
    expireLag: reclaimed > 0 ? (s.expire_lag_ms_sum - b.expire_lag_ms_sum) / reclaimed / 1000 : null,
    meanLife: s.items_ttl > 0 ? s.ttl_sum_ms / s.items_ttl / 1000 : null,
    used: s.mem_used ?? null,
    limit: s.max_memory > 0 ? s.max_memory : null,
    rss: num(tick.info, 'memory', 'used_memory_rss'),
    items: s.items ?? null,
    cpu: sys !== null && user !== null ? sys + user : null,
    queueP99: before ? scale(num(tick.info, 'attl', 'attl_queue_delay_p99_ms'), 1e-3) : null,
    imbalance: total(loads) > 0 ? maxOfMean(loads) : null,
    gini: total(loads) > 0 ? gini(loads) : null,
    unsynced: num(tick.info, 'persistence', 'attl_unsynced_bytes'),
    fsyncP99: scale(num(tick.info, 'persistence', 'attl_fsync_p99_us'), 1e-6),
    changes: num(tick.info, 'persistence', 'rdb_changes_since_last_save'),
  };
}

function scale(value: number | null, by: number): number | null {
  return value === null ? null : value * by;
}

/** What an operator must know first, in a word; the second is for the tab's title and icon. */
export function stateOf(model: Model, now_ms: number): { word: string; worst: Worst } {
  const tick = model.tick;
  if (!tick || model.isStale(now_ms)) return { word: tick ? 'stale' : 'waiting', worst: 'stale' };
  const open = model.openIncidents();
  const log = String(tick.info?.persistence?.attl_log_state ?? 'off');
  if (num(tick.info, 'persistence', 'loading')) return { word: 'replaying', worst: 'warn' };
  if (!tick.ready) return { word: 'not ready', worst: 'bad' };
  if (tick.health?.status === 'fail' || open.some((i) => i.severity === 'critical')) return { word: 'degraded', worst: 'bad' };
  if (log !== 'off' && log !== 'writing') return { word: `log ${log}`, worst: 'warn' };
  if (open.length > 0) return { word: 'incident', worst: 'warn' };
  if (tick.health?.status === 'warn') return { word: 'attention', worst: 'warn' };
  return { word: 'ready', worst: 'ok' };
}
