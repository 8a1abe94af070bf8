// SPDX-License-Identifier: BSD-2-Clause
// The page: the strip, the bands from top to bottom by urgency, the keys, the theme, and the one
// stream that drives everything. An event is taken, the metrics that belong to it are read, and then
// every band is told; a clock of its own says "stale" when no event comes. If the server wants a
// token for reading, the page asks for one and tries again.
import './style.css';
import { ApiError, listen, metrics, setToken, token } from './api';
import { learnEndpoints, type Band } from './band';
import { ClientBand } from './band_clients';
import { ConfigBand } from './band_config';
import { IncidentBand } from './band_incidents';
import { KeyBand } from './band_keys';
import { LatencyBand } from './band_latency';
import { LogBand } from './band_log';
import { MemoryBand } from './band_memory';
import { ShardBand } from './band_shards';
import { HealthBand, StatusStrip } from './band_status';
import { h, setText } from './dom';
import { Model, type Tick } from './model';
import { RANGES_MIN, view } from './view';

const THEME_KEY = 'attl-theme';
const THEMES = ['auto', 'dark', 'light'] as const;

const model = new Model();
let problem = '';
let metricsBusy = false;

/* ---- theme ---- */

function applyTheme(name: string): void {
  if (name === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  setText(themeButton, `theme: ${name}`);
  view.restyle();
}

function nextTheme(): void {
  const at = THEMES.indexOf((localStorage.getItem(THEME_KEY) ?? 'auto') as (typeof THEMES)[number]);
  const name = THEMES[(at + 1) % THEMES.length];
  localStorage.setItem(THEME_KEY, name);
  applyTheme(name);
}

/* ---- the range of time ---- */

function showRange(): void {
  setText(rangeButton, view.window ? 'incident' : `${view.minutes} min`);
  view.request();
}

function nextRange(): void {
  if (view.window) incidents.clear();
  else view.minutes = RANGES_MIN[(RANGES_MIN.indexOf(view.minutes as 1 | 5 | 15) + 1) % RANGES_MIN.length];
  showRange();
}

/* ---- the page ---- */

const themeButton = h('button', { type: 'button', class: 'quiet', id: 'theme', title: 'Light or dark (d)', click: nextTheme });
const rangeButton = h('button', { type: 'button', class: 'quiet', id: 'range', title: 'Range of time (t)', click: nextRange });
const helpButton = h('button', { type: 'button', class: 'quiet', id: 'help-button', title: 'Keys (?)', 'aria-label': 'Keys', click: () => toggleHelp() }, '?');
const strip = new StatusStrip(model, h('div', { class: 'strip-tools' }, rangeButton, themeButton, helpButton));
const incidents = new IncidentBand(model);
const config = new ConfigBand(model);
const clients = new ClientBand(model);
const bands: Band[] = [
  incidents, new HealthBand(model), new ShardBand(model), new LatencyBand(model), new MemoryBand(model), new KeyBand(model), new LogBand(model), config, clients,
];
config.listenForPresses();

const KEYS: [string, string][] = [
  ['j / k', 'next, previous band'],
  ['1 … 9', 'band by number'],
  ['/', 'filter settings'],
  ['t', 'range of time: 1, 5, 15 minutes'],
  ['d', 'theme: as the system, dark, light'],
  ['Esc', 'back to live; close'],
  ['?', 'these keys'],
];
const help = h('dialog', { id: 'help', 'aria-labelledby': 'help-title' },
  h('h2', { id: 'help-title' }, 'Keys'),
  h('dl', { class: 'keys' }, ...KEYS.map(([k, t]) => h('div', {}, h('dt', {}, h('kbd', {}, k)), h('dd', {}, t)))),
  h('p', { class: 'note' }, 'Everything here is also at ', h('a', { href: '/api/v1/' }, '/api/v1/'), ' and in the stream /api/v1/events.'),
  h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'quiet', click: () => help.close() }, 'Close')));

function toggleHelp(): void {
  if (help.open) help.close();
  else help.showModal();
}

/* ---- a token for reading ---- */

const login = h('form', { class: 'login', id: 'login', hidden: true },
  h('label', { for: 'login-token' }, 'Reading needs a token here: admin.read_token or admin.token. It is kept in this tab only.'),
  h('input', { id: 'login-token', type: 'password', autocomplete: 'off' }),
  h('button', { type: 'submit', class: 'go' }, 'Open'));
login.addEventListener('submit', (e) => {
  e.preventDefault();
  setToken((document.getElementById('login-token') as HTMLInputElement).value);
  login.hidden = true;
  void learnEndpoints().catch(refused);
  stream.again();
});

function refused(error: unknown): void {
  problem = error instanceof Error ? error.message : String(error);
  if (error instanceof ApiError && error.status === 401) {
    if (token()) setToken('');
    login.hidden = false;
  }
}

/* ---- keys ---- */

let current = 0;

function goTo(index: number): void {
  current = Math.max(0, Math.min(bands.length - 1, index));
  const { element } = bands[current];
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: 'start' });
}

function onKey(e: KeyboardEvent): void {
  const target = e.target as Element;
  if (e.ctrlKey || e.metaKey || e.altKey || target.closest('input, select, textarea, dialog.action')) return;
  if (e.key === 'j') goTo(document.activeElement === document.body ? 0 : current + 1);
  else if (e.key === 'k') goTo(current - 1);
  else if (e.key >= '1' && e.key <= '9') goTo(Number(e.key) - 1);
  else if (e.key === 't') nextRange();
  else if (e.key === 'd') nextTheme();
  else if (e.key === '?') toggleHelp();
  else if (e.key === 'Escape') incidents.clear();
  else if (e.key === '/') {
    e.preventDefault();
    config.focusFilter();
  }
}

/* ---- events ---- */

async function takeMetrics(): Promise<void> {
  if (metricsBusy || document.hidden) return;
  metricsBusy = true;
  try {
    model.takeMetrics(await metrics());
  } catch {
    // The next event brings the next reading.
  }
  metricsBusy = false;
}

function show(): void {
  for (const band of bands) band.tick?.();
  strip.update(Date.now(), problem);
}

async function onEvent(data: string): Promise<void> {
  model.takeTick(JSON.parse(data) as Tick, Date.now());
  problem = '';
  login.hidden = true;
  show();
  await takeMetrics();
  show();
  document.documentElement.dataset.ticks = String(Number(document.documentElement.dataset.ticks ?? 0) + 1);
  view.request();
}

const app = document.getElementById('app') as HTMLElement;
app.replaceChildren(strip.element, login, h('main', {}, ...bands.map((b) => b.element)), help);
document.addEventListener('keydown', onKey);
document.addEventListener('attl-range', showRange);
document.addEventListener('visibilitychange', () => view.request());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => view.restyle());
applyTheme(localStorage.getItem(THEME_KEY) ?? 'auto');
showRange();
strip.update(Date.now(), problem);
setInterval(() => strip.update(Date.now(), problem), 500);
void learnEndpoints().catch(refused);
const stream = listen((data) => void onEvent(data), refused);
