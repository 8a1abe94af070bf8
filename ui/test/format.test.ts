// SPDX-License-Identifier: BSD-2-Clause
// How numbers are written. The edges are where a unit changes and where rounding would lie.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attlLine, bytes, count, digits, NOTHING, percent, plural, quoteWord, redact, redactCommand, seconds, span } from '../src/format';

test('what is unknown is a dash, never zero', () => {
  for (const f of [count, bytes, seconds, span, percent]) {
    assert.equal(f(null), NOTHING);
    assert.equal(f(undefined), NOTHING);
    assert.equal(f(NaN), NOTHING);
  }
});

test('three significant digits', () => {
  assert.equal(digits(0), '0');
  assert.equal(digits(1.234), '1.23');
  assert.equal(digits(12.34), '12.3');
  assert.equal(digits(99.96), '100');
  assert.equal(digits(0.0123), '0.012');
  assert.equal(digits(5), '5');
});

test('counts and bytes change their unit before they grow long', () => {
  assert.equal(count(999), '999');
  assert.equal(count(1000), '1k');
  assert.equal(count(999_999), '1M');
  assert.equal(count(0.5), '0.5');
  assert.equal(bytes(0), '0 B');
  assert.equal(bytes(1023), '1 KiB');
  assert.equal(bytes(64 * 1024 * 1024), '64 MiB');
  assert.equal(plural(1, 'client'), '1 client');
  assert.equal(plural(2, 'client'), '2 clients');
});

test('durations from nanoseconds to days', () => {
  assert.equal(seconds(2.5e-7), '250 ns');
  assert.equal(seconds(1.5e-5), '15 µs');
  assert.equal(seconds(0.012), '12 ms');
  assert.equal(seconds(5), '5 s');
  assert.equal(seconds(200), '3m 20s');
  assert.equal(span(7260), '2h 1m');
  assert.equal(span(90000), '1d 1h');
  assert.equal(span(-1), NOTHING);
});

test('a share is never told as all when it is not', () => {
  assert.equal(percent(1), '100 %');
  assert.equal(percent(0.99999), '99.99 %');
  assert.equal(percent(0.5), '50 %');
});

test('a command line can be pasted into a shell', () => {
  assert.equal(attlLine(['CONFIG', 'SET', 'cache.max_memory', '2GiB']), 'attl CONFIG SET cache.max_memory 2GiB');
  assert.equal(quoteWord("it's"), `'it'\\''s'`);
  assert.equal(quoteWord('$(reboot)'), `'$(reboot)'`);
  assert.equal(quoteWord(''), `''`);
});

test('a redacted key shows its prefix and length only', () => {
  assert.equal(redact('session:4711'), 'session:••• (12)');
  assert.equal(redact('secret'), 'se••• (6)');
  assert.equal(redactCommand(['SET', 'session:4711', 'x', 'EX', '5']), 'SET session:••• (12) + 3 words');
  assert.equal(redactCommand(['CONFIG', 'SET', 'requirepass', 'x']), 'CONFIG SET …');
  assert.equal(redactCommand(['INFO']), 'INFO');
  assert.ok(!redact('user:jane@example.org').includes('jane'));
});
