// SPDX-License-Identifier: BSD-2-Clause
// Differences of what the server counts. Resets and empty windows must give "unknown", not a figure.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gini, maxOfMean, quantile, rate, window, type Buckets } from '../src/hist';

const bounds = [1, 2, 4, null];
const reading = (...cumulative: number[]): Buckets => cumulative.map((n, i) => [bounds[i], n] as const);

test('a rate needs two readings of a counter that has grown', () => {
  assert.equal(rate(30, 10, 2), 10);
  assert.equal(rate(5, 10, 2), null);
  assert.equal(rate(5, undefined, 2), null);
  assert.equal(rate(5, 1, 0), null);
});

test('a window holds what came between two readings', () => {
  assert.deepEqual(window(reading(2, 5, 5, 6), reading(1, 2, 2, 2)), [1, 2, 0, 1]);
  assert.deepEqual(window(reading(2, 5, 5, 6), undefined), [2, 3, 0, 1]);
});

test('a reset gives no window', () => {
  assert.equal(window(reading(0, 0, 0, 1), reading(1, 2, 2, 2)), null);
});

test('quantiles lie inside their class', () => {
  assert.equal(quantile([0, 0, 0, 0], bounds, 0.5), null);
  const median = quantile([0, 10, 0, 0], bounds, 0.5) as number;
  assert.ok(median > 1 && median < 2, String(median));
  assert.equal(quantile([0, 10, 0, 0], bounds, 1), 2);
  assert.equal(quantile([0, 0, 0, 5], bounds, 0.9), 4);
});

test('imbalance of even and uneven loads', () => {
  assert.equal(maxOfMean([5, 5, 5, 5]), 1);
  assert.equal(maxOfMean([20, 0, 0, 0]), 4);
  assert.equal(maxOfMean([0, 0]), 1);
  assert.equal(gini([0, 0]), 0);
  assert.ok(Math.abs(gini([5, 5, 5, 5])) < 1e-9);
  assert.ok(gini([0, 0, 0, 20]) > 0.7);
});
