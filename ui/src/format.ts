// SPDX-License-Identifier: BSD-2-Clause
// Numbers as people read them: three significant digits, a unit, no false precision. All functions
// are pure, so that they can be tested without a page. What is not known is "–", never 0.

export const NOTHING = '–';

function known(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** Three significant digits without an exponent: 1.23, 12.3, 123. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return trim(value.toFixed(1));
  if (size >= 0.0995) return trim(value.toFixed(2));
  return trim(value.toPrecision(2));
}

function trim(text: string): string {
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text;
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let at = 0;
  let rest = value;
  while (at < units.length - 1 && Math.abs(rest) >= (base === 1024 ? 1000 : 999.5)) {
    rest /= base;
    at++;
  }
  return digits(rest) + units[at];
}

/** 0, 950, 1.2k, 3.4M. */
export function count(value: number | null | undefined): string {
  if (!known(value)) return NOTHING;
  return Math.abs(value) < 1000 && Number.isInteger(value) ? String(value) : scaled(value, 1000, ['', 'k', 'M', 'G', 'T']);
}

/** 1 client, 2 clients. */
export function plural(value: number | null | undefined, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** 12 B, 1.5 KiB, 2 GiB. */
export function bytes(value: number | null | undefined): string {
  return known(value) ? scaled(value, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB']) : NOTHING;
}

/** 250 ns, 1.2 µs, 3.4 ms, 5 s; minutes and more as 3m 20s. */
export function seconds(value: number | null | undefined): string {
  if (!known(value)) return NOTHING;
  if (value === 0) return '0 s';
  const size = Math.abs(value);
  if (size >= 60) return span(value);
  if (size >= 1) return digits(value) + ' s';
  if (size >= 1e-3) return digits(value * 1e3) + ' ms';
  if (size >= 1e-6) return digits(value * 1e6) + ' µs';
  return digits(value * 1e9) + ' ns';
}

/** 5s, 3m 20s, 2h 5m, 4d 3h. */
export function span(value: number | null | undefined): string {
  if (!known(value) || value < 0) return NOTHING;
  const s = Math.floor(value);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}

/** A share as per cent: 0.5 -> 50 %, 0.9996 -> 99.96 %. Never 100 % unless it is all. */
export function percent(value: number | null | undefined): string {
  if (!known(value)) return NOTHING;
  const p = value * 100;
  if (p > 99 && p < 100) return Math.min(99.99, Math.floor(p * 100) / 100).toFixed(2) + ' %';
  return digits(p) + ' %';
}

/** 14:03:27, in the reader's own time zone. */
export function clock(ms: number | null | undefined): string {
  if (!known(ms) || ms <= 0) return NOTHING;
  return new Date(ms).toTimeString().slice(0, 8);
}

/** 2026-11-26 14:03:27. */
export function when(ms: number | null | undefined): string {
  if (!known(ms) || ms <= 0) return NOTHING;
  const d = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(ms)}`;
}

/** A word of a command line as a shell and `attl` take it. */
export function quoteWord(word: string): string {
  return /^[A-Za-z0-9_.:,@%+=\/-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}

export function attlLine(argv: readonly string[]): string {
  return ['attl', ...argv.map(quoteWord)].join(' ');
}

/** Commands whose second word is a subcommand and not a key. */
const KEYLESS = /^(attl\.(alert|audit|balance|config|health|hotkeys|incident|log|metrics|scrub|shards|slowlog|snapshot|trace)|acl|client|command|config|info|latency|memory|slowlog)$/i;

/** A command without its keys and values: GET session:••• (12), SET session:••• (12) + 3 words. */
export function redactCommand(words: readonly string[]): string {
  const [name = '', key, ...rest] = words;
  if (key === undefined) return name;
  if (KEYLESS.test(name)) return `${name} ${key}${rest.length > 0 ? ' …' : ''}`;
  return `${name} ${redact(key)}${rest.length > 0 ? ` + ${plural(rest.length, 'word')}` : ''}`;
}

/** The first letters of a key and its length: enough to recognise it, not to read it. */
export function redact(key: string): string {
  const cut = Math.max(key.lastIndexOf(':'), key.lastIndexOf('/')) + 1;
  const head = cut > 0 && cut < key.length ? key.slice(0, cut) : key.slice(0, 2);
  return `${head}••• (${key.length})`;
}
