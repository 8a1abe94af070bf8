// SPDX-License-Identifier: BSD-2-Clause
// Arithmetic on what the server counts: rates between two readings of a counter, histograms of a
// window from two cumulative ones, quantiles of those, and how unevenly load is spread. A counter
// that has become smaller was reset, by a restart or RESETSTAT: the window then has no figure. All
// functions are pure.

/** Upper bound in seconds (null: none) and how many were at or below it. */
export type Buckets = readonly (readonly [number | null, number])[];

export function rate(now: number | undefined, before: number | undefined, seconds: number): number | null {
  if (now === undefined || before === undefined || seconds <= 0 || now < before) return null;
  return (now - before) / seconds;
}

/** How many fell into each class between the two readings; null after a reset. */
export function window(now: Buckets, before: Buckets | undefined): number[] | null {
  const out: number[] = [];
  let last = 0;
  for (let i = 0; i < now.length; i++) {
    const cumulative = now[i][1] - (before?.[i]?.[1] ?? 0);
    if (cumulative < last) return null;
    out.push(cumulative - last);
    last = cumulative;
  }
  return out;
}

export function addInto(sum: number[], more: readonly number[]): void {
  for (let i = 0; i < more.length; i++) sum[i] = (sum[i] ?? 0) + more[i];
}

export function total(counts: readonly number[]): number {
  let sum = 0;
  for (const n of counts) sum += n;
  return sum;
}

/**
 * The q-quantile, interpolated inside its class on the logarithmic scale that the classes have;
 * null if nothing was counted. What lies above the last bound is given as that bound.
 */
export function quantile(counts: readonly number[], bounds: readonly (number | null)[], q: number): number | null {
  const all = total(counts);
  if (all === 0) return null;
  const rank = q * all;
  let below = 0;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] > 0 && below + counts[i] >= rank) {
      const high = bounds[i] ?? bounds[i - 1] ?? 0;
      const low = i > 0 ? (bounds[i - 1] ?? high) : high / 2;
      const part = Math.max(0, (rank - below) / counts[i]);
      return bounds[i] === null ? high : low * Math.pow(high / low, part);
    }
    below += counts[i];
  }
  return bounds[bounds.length - 1] ?? null;
}

/** 0: all the same; towards 1: one has it all. */
export function gini(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const sum = total(sorted);
  if (sum === 0) return 0;
  let weighted = 0;
  sorted.forEach((v, i) => (weighted += (i + 1) * v));
  return (2 * weighted) / (sorted.length * sum) - (sorted.length + 1) / sorted.length;
}

export function maxOfMean(values: readonly number[]): number {
  const sum = total(values);
  return sum === 0 ? 1 : (Math.max(...values) * values.length) / sum;
}
