// SPDX-License-Identifier: BSD-2-Clause
// What the page makes of events: figures of a second, restarts, what is stale, and the worst state.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutEvents } from '../src/api';
import { auditLine } from '../src/band_clients';
import { isChanged, matches } from '../src/band_config';
import { laneOf, place } from '../src/band_incidents';
import { dueRows } from '../src/band_memory';
import { deriveRow, KEEP, Model, stateOf, type Tick } from '../src/model';
import { cellsOf, gridOf } from '../src/slots';

function tick(at_s: number, more: Partial<Tick> = {}, stats: Record<string, number> = {}): Tick {
  return {
    time_ms: at_s * 1000, number: at_s, ready: true,
    info: { server: { run_id: 'a', uptime_in_seconds: at_s }, persistence: { attl_log_state: 'off', loading: 0 } },
    stats: { hits: at_s * 90, misses: at_s * 10, expired: at_s * 2, expire_lag_ms_sum: at_s * 400, mem_used: 5, max_memory: 10, items: 1, items_ttl: 1, ttl_sum_ms: 3000, ...stats },
    health: { status: 'ok', areas: {}, problems: [], checks: [] }, shards: [], incidents: [], ...more,
  };
}

test('the figures of a second come from two events', () => {
  const row = deriveRow(tick(12), tick(10));
  assert.equal(row.hits, 90);
  assert.equal(row.hitRatio, 0.9);
  assert.equal(row.expireLag, 0.2);
  assert.equal(row.limit, 10);
  assert.equal(deriveRow(tick(12), null).hits, null);
});

test('another life of the server gives no rates, and a mark', () => {
  const model = new Model();
  model.takeTick(tick(10), 0);
  model.takeTick(tick(11, { info: { server: { run_id: 'b', uptime_in_seconds: 1 } } }), 1000);
  assert.equal(model.last('hits'), null);
  assert.equal(model.marks.length, 2);
  assert.equal(model.marks[1].at_ms, 10_000);
});

test('columns keep one length and a bound', () => {
  const model = new Model();
  for (let i = 1; i <= KEEP + 20; i++) model.takeTick(tick(i), i);
  assert.equal(model.times.length, KEEP);
  assert.equal(model.series.ops.length, KEEP);
  assert.equal(model.shardLoads.length, KEEP);
});

test('histograms become windows that belong to their event', () => {
  const model = new Model();
  const metrics = (n: number): Parameters<Model['takeMetrics']>[0] => ({
    attl_command_duration_seconds: { type: 'histogram', help: '', samples: [{ labels: { family: 'string', access: 'read' }, value: 0, buckets: [[1e-6, n], [2e-6, n], [null, n]] }] },
  });
  model.takeTick(tick(1), 0);
  model.takeMetrics(metrics(100));
  model.takeTick(tick(2), 1000);
  model.takeMetrics(metrics(116));
  assert.deepEqual(model.families.get('string read')?.windows, [null, [16, 0, 0]]);
  assert.ok((model.last('p99') ?? 1) <= 1e-6);
});

test('the worst state wins, and silence is stale', () => {
  const model = new Model();
  assert.equal(stateOf(model, 0).word, 'waiting');
  const at = (t: Tick): string => {
    model.takeTick(t, 5000);
    return stateOf(model, 5100).worst;
  };
  assert.equal(at(tick(1)), 'ok');
  assert.equal(stateOf(model, 8001).word, 'stale');
  assert.equal(at(tick(2, { ready: false })), 'bad');
  const incident = { id: 1, kind: 'memory', severity: 'warning', state: 'open' } as Tick['incidents'][number];
  assert.equal(at(tick(3, { incidents: [incident] })), 'warn');
  assert.equal(at(tick(4, { incidents: [{ ...incident, severity: 'critical' }] })), 'bad');
  assert.equal(at(tick(5, { incidents: [{ ...incident, state: 'resolved' }] })), 'ok');
  assert.equal(at(tick(6, { info: { server: { run_id: 'a' }, persistence: { attl_log_state: 'memory-only' } } })), 'warn');
});

test('a stream is cut into events wherever the network cut it', () => {
  const first = cutEvents('retry: 2000\n\nid: 1\nevent: state\ndata: {"a":1}\n\nid: 2\nevent: sta');
  assert.deepEqual(first.events, [{ name: 'state', data: '{"a":1}' }]);
  assert.deepEqual(cutEvents(first.rest + 'te\ndata: {}\n\n').events, [{ name: 'state', data: '{}' }]);
});

test('incidents have a lane and a place in the shown hour', () => {
  assert.equal(laneOf('wal_failure'), 'log');
  assert.equal(laneOf('never heard of'), 'settings');
  assert.equal(place(0, 1000, 10_000_000, 3_600_000), null);
  assert.deepEqual(place(9_100_000, 10_000_000, 10_000_000, 3_600_000), { left: 0.75, width: 0.25 });
  assert.ok((place(9_999_999, 10_000_000, 10_000_000, 3_600_000)?.width ?? 0) > 0.003);
});

test('settings are found by any of their words', () => {
  const s = { name: 'cache.max_memory', value: '2GiB', default: '0', origin: 'settings.toml:3', text: 'Limit of the cache.' };
  assert.ok(matches(s, 'memory toml'));
  assert.ok(!matches(s, 'memory environment'));
  assert.ok(isChanged(s));
  assert.ok(!isChanged({ ...s, origin: 'default' }));
});

test('rows for people from rows for machines', () => {
  assert.deepEqual(dueRows([{ up_to_ms: 0, bytes: 1 }, { up_to_ms: 300_000, bytes: 2 }, { up_to_ms: -1, bytes: 3 }]).map((d) => d.name), ['overdue', 'within 5 min', 'later']);
  assert.equal(auditLine('{"seq":4,"time":"2026-11-26T04:00:00Z","kind":"config","action":"set","user":"x","object":"a","before":""}').text, 'object=a');
  assert.equal(auditLine('not json').text, 'not json');
  assert.deepEqual(gridOf(512), { columns: 32, rows: 16 });
  assert.equal(cellsOf({ shard: [1, 0], keys: [3, 4] })[1].keys, 4);
  assert.equal(cellsOf(null).length, 0);
});
