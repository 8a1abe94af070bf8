// SPDX-License-Identifier: BSD-2-Clause
// Band 6: who is busy. The hottest keys by estimated rate, with the error of the estimate and the
// shard that carries them, the prefixes that have a policy, and what loading through the cache does.
// Keys are personal data as often as not: they are redacted until somebody asks for them.
import { bar, Facts, frame, Poll, Table, type Band } from './band';
import { h, setText } from './dom';
import { bytes, count, percent, redact } from './format';
import { listOf, type Model } from './model';
import { view } from './view';

interface HotKey {
  key: unknown;
  key_bytes: number;
  reads_per_second: number;
  writes_per_second: number;
  error_per_second: number;
  share: number;
  shard_share: number;
  shard: number;
  partition: number;
}
interface Namespace {
  prefix: string;
  items: number | null;
  bytes: number | null;
  max: number | null;
  evicted: number | null;
  refused: number | null;
}

export class KeyBand implements Band {
  readonly element: HTMLElement;
  private readonly table: Table<HotKey>;
  private readonly spaces: Table<Namespace>;
  private readonly hot: Poll<HotKey[]>;
  private readonly names: Poll<string[]>;
  private readonly facts = new Facts([
    ['loads running', 'Keys that somebody loads, or that wait after a failure'],
    ['waiting', 'Requests that wait for a load instead of starting another'],
    ['leases', 'Loads that were given to a client'],
    ['refused', 'Loads that were refused'],
  ]);

  constructor(private readonly model: Model) {
    const toggle = h('button', { type: 'button', class: 'act', 'aria-pressed': 'false' }, 'Show keys');
    toggle.addEventListener('click', () => {
      view.showKeys = !view.showKeys;
      toggle.setAttribute('aria-pressed', String(view.showKeys));
      setText(toggle, view.showKeys ? 'Hide keys' : 'Show keys');
      this.show();
    });
    this.table = new Table<HotKey>('Hot keys', [
      { head: 'key', cell: (k) => this.name(k), wide: true },
      { head: 'share of all', cell: (k) => bar(k.share, percent(k.share)) },
      { head: 'reads/s', cell: (k) => count(Math.round(k.reads_per_second)), number: true },
      { head: 'writes/s', cell: (k) => count(Math.round(k.writes_per_second)), number: true },
      { head: '± error', cell: (k) => count(Math.round(k.error_per_second)), number: true, extra: true },
      { head: 'shard', cell: (k) => String(k.shard), number: true, extra: true },
      { head: 'of its shard', cell: (k) => percent(k.shard_share), number: true, extra: true },
    ], (k) => `${k.partition}/${typeof k.key === 'string' ? k.key : JSON.stringify(k.key)}`, 'No key stands out: too few requests, or hotkeys.enabled is off.');
    this.spaces = new Table<Namespace>('Namespaces', [
      { head: 'prefix', cell: (n) => n.prefix || '(all)', wide: true },
      { head: 'entries', cell: (n) => count(n.items), number: true },
      { head: 'bytes', cell: (n) => bytes(n.bytes), number: true },
      { head: 'evicted', cell: (n) => count(n.evicted), number: true, extra: true },
      { head: 'refused', cell: (n) => count(n.refused), number: true, extra: true },
    ], (n) => n.prefix, 'No prefix has a policy of its own. ‘attl attl.ns set session: ttl_default 10m’ makes one.');
    this.hot = new Poll('hotkeys?count=24', 2000, () => this.show());
    this.names = new Poll('namespaces', 10000, () => this.showSpaces());
    this.element = frame('keys', 'Hot keys and namespaces', 'The busiest keys, estimated from samples, and the prefixes that have a policy.', [toggle],
      h('div', { class: 'grid two wide-left' }, this.table.element,
        h('div', {}, h('h3', {}, 'Namespaces'), this.spaces.element, h('h3', {}, 'Loading through the cache'), this.facts.element)));
  }

  private name(k: HotKey): string {
    if (typeof k.key !== 'string') return `(bytes, ${k.key_bytes})`;
    return view.showKeys ? k.key : redact(k.key);
  }

  tick(): void {
    const now = Date.now();
    this.hot.tick(now);
    this.names.tick(now);
    const m = (name: string): string => count(this.model.metric(name));
    this.facts.set('loads running', m('attl_loads_running'));
    this.facts.set('waiting', m('attl_loads_waiting'));
    this.facts.set('leases', m('attl_load_leases_total'));
    this.facts.set('refused', m('attl_load_refused_total'));
  }

  private show(): void {
    this.table.show(listOf<HotKey>(this.hot.value).slice(0, 16), this.hot.problem);
  }

  private showSpaces(): void {
    const m = (name: string, namespace: string): number | null => this.model.metric(name, { namespace });
    const rows = listOf<unknown>(this.names.value).map((n) => {
      const prefix = String(n);
      return { prefix, items: m('attl_namespace_items', prefix), bytes: m('attl_namespace_bytes', prefix), max: m('attl_namespace_max_bytes', prefix), evicted: m('attl_namespace_evicted_total', prefix), refused: m('attl_namespace_refused_total', prefix) };
    });
    this.spaces.show(rows, this.names.problem);
  }
}
