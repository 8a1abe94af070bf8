// SPDX-License-Identifier: BSD-2-Clause
// Band 2: incidents as bars in swim lanes over time, with severity by shape as well as by colour,
// and starts and changed settings as marks on the same axis. A press on a bar scopes every chart of
// the page to its window and shows the cause, the value and its limit, what was done, the deliveries
// to webhooks and the lines of the audit trail that carry the same correlation id.
import { actionButton } from './action';
import { frame, Poll, type Band } from './band';
import { h, reconcile, setAttr, setText } from './dom';
import { clock, count, NOTHING, span, when } from './format';
import { listOf, type Incident, type Mark, type Model } from './model';
import { view } from './view';

export const LANES = ['shards', 'log', 'memory', 'network', 'settings'] as const;
export type Lane = (typeof LANES)[number];

const LANE_OF: Record<string, Lane> = {
  wal_failure: 'log', snapshot_failure: 'log', corruption: 'log', low_disk: 'log', audit_failure: 'log',
  memory: 'memory', bounds_exceeded: 'memory', eviction_rate: 'memory',
  latency: 'shards', balancer_stuck: 'shards',
  overload: 'network', clock_jump: 'settings',
};

export function laneOf(kind: string): Lane {
  return LANE_OF[kind] ?? 'settings';
}

interface Delivery {
  id: number;
  incident: number;
  event: string;
  target: string;
  state: string;
  attempts: number;
  http_code: number;
  problem: string;
  changed_ms: number;
}

const SPAN_MS = 60 * 60 * 1000;
const SHAPE: Record<string, string> = { critical: '◆', warning: '▲' };

/** Where an interval lies in the shown hour, as shares 0..1; null: outside. */
export function place(from_ms: number, to_ms: number, now_ms: number, span_ms: number): { left: number; width: number } | null {
  const start = now_ms - span_ms;
  if (to_ms < start) return null;
  const left = Math.max(0, (from_ms - start) / span_ms);
  return { left, width: Math.max(0.004, Math.min(1, (to_ms - start) / span_ms) - left) };
}

export class IncidentBand implements Band {
  readonly element: HTMLElement;
  private readonly lanes = new Map<Lane, HTMLElement>();
  private readonly marks = h('div', { class: 'marks' });
  private readonly axis = h('div', { class: 'axis', 'aria-hidden': 'true' });
  private readonly detail = h('div', { class: 'detail', hidden: true, 'aria-live': 'polite' });
  private readonly empty = h('p', { class: 'empty' }, 'No incident in the last hour. What is watched, and what is done about it, is listed by ‘attl attl.incident kinds’.');
  private readonly alerts: Poll<Delivery[]>;
  private readonly audit: Poll<string[]>;
  private selected: number | null = null;
  private detailText = '';

  constructor(private readonly model: Model) {
    const chart = h('div', { class: 'lanes' });
    for (const lane of LANES) {
      const track = h('div', { class: 'track', role: 'list', 'aria-label': `${lane} incidents` });
      this.lanes.set(lane, track);
      chart.append(h('div', { class: 'lane' }, h('span', { class: 'lane-name' }, lane), track));
    }
    chart.append(h('div', { class: 'lane' }, h('span', { class: 'lane-name' }, 'marks'), this.marks), h('div', { class: 'lane' }, h('span'), this.axis));
    const show = (): void => this.showDetail();
    this.alerts = new Poll('alerts', 5000, show);
    this.audit = new Poll('audit?count=64', 5000, show);
    this.element = frame(
      'incidents', 'Incidents', 'The last hour: ▲ warning, ◆ critical, striped if it is a drill. Press a bar to see why, and to scope all charts to its window.',
      [actionButton('Start a drill', () => ({
        title: 'Start a drill',
        text: 'Opens an incident of this kind for five seconds: webhooks and handlers are told as in earnest, responses only say what they would do.',
        argv: ['ATTL.INCIDENT', 'SIMULATE'],
        ask: { label: 'Kind of incident', value: 'latency' },
      }))],
      chart, this.empty, this.detail,
    );
  }

  tick(): void {
    const { tick } = this.model;
    if (!tick) return;
    const now = tick.time_ms;
    const shown = listOf<Incident>(tick.incidents).filter((i) => place(i.since_ms, endOf(i, now), now, SPAN_MS));
    for (const [lane, track] of this.lanes)
      reconcile(track, shown.filter((i) => laneOf(i.kind) === lane), (i) => String(i.id), (i) => this.makeBar(i), (e, i) => this.placeBar(e as HTMLElement, i, now));
    this.empty.hidden = shown.length > 0;
    this.showMarks(now);
    this.showAxis(now);
    if (this.selected !== null) {
      this.alerts.tick(now);
      this.audit.tick(now);
    }
    this.showDetail();
  }

  private makeBar(i: Incident): HTMLElement {
    return h('button', { type: 'button', class: 'incident', click: () => this.select(i.id) });
  }

  private placeBar(element: HTMLElement, i: Incident, now: number): void {
    const at = place(i.since_ms, endOf(i, now), now, SPAN_MS);
    if (!at) return;
    element.style.left = `${(at.left * 100).toFixed(2)}%`;
    element.style.width = `${(at.width * 100).toFixed(2)}%`;
    setAttr(element, 'data-kind', i.severity);
    element.classList.toggle('open', i.state !== 'resolved');
    element.classList.toggle('drill', i.simulated === 1);
    setText(element, SHAPE[i.severity] ?? '●');
    const text = `${i.severity} ${i.kind.replace(/_/g, ' ')}, ${i.state}, since ${clock(i.since_ms)}, ${span((endOf(i, now) - i.since_ms) / 1000)}`;
    setAttr(element, 'aria-label', text);
    setAttr(element, 'title', text);
    setAttr(element, 'aria-pressed', String(this.selected === i.id));
  }

  private showMarks(now: number): void {
    const shown = this.model.marks.filter((m) => place(m.at_ms, m.at_ms, now, SPAN_MS));
    reconcile(this.marks, shown, (m) => `${m.at_ms}${m.text}`, (m) => h('span', { class: 'mark', title: `${clock(m.at_ms)} ${m.text}`, role: 'img', 'aria-label': `${clock(m.at_ms)} ${m.text}` }, '▼'), (e, m: Mark) => {
      const at = place(m.at_ms, m.at_ms, now, SPAN_MS);
      if (at) (e as HTMLElement).style.left = `${(at.left * 100).toFixed(2)}%`;
    });
  }

  private showAxis(now: number): void {
    const labels = [60, 45, 30, 15, 0].map((m) => (m === 0 ? 'now' : clock(now - m * 60000).slice(0, 5)));
    if (this.axis.childElementCount === 0) this.axis.append(...labels.map(() => h('span')));
    labels.forEach((t, i) => setText(this.axis.children[i], t));
  }

  private select(id: number | null): void {
    this.selected = this.selected === id ? null : id;
    this.detailText = '';
    this.alerts.soon();
    this.audit.soon();
    const i = this.find();
    view.window = i ? { from: i.since_ms / 1000 - 30, to: endOf(i, this.model.tick?.time_ms ?? 0) / 1000 + 30 } : null;
    document.dispatchEvent(new CustomEvent('attl-range'));
    this.tick();
  }

  /** Esc: back to the live range. */
  clear(): void {
    if (this.selected !== null) this.select(this.selected);
  }

  private find(): Incident | undefined {
    return listOf<Incident>(this.model.tick?.incidents).find((i) => i.id === this.selected);
  }

  private showDetail(): void {
    const i = this.find();
    this.detail.hidden = !i;
    if (!i) return;
    const deliveries = listOf<Delivery>(this.alerts.value).filter((d) => d.incident === i.id);
    const lines = listOf<string>(this.audit.value).map(String).filter((l) => l.includes(i.correlation));
    const text = JSON.stringify([i, deliveries, lines]);
    if (text === this.detailText) return;
    this.detailText = text;
    this.detail.replaceChildren(
      h('h3', {}, `${SHAPE[i.severity] ?? '●'} ${i.kind.replace(/_/g, ' ')} `, h('small', {}, `#${i.id} · ${i.severity} · ${i.state}${i.simulated ? ' · drill' : ''}`)),
      h('p', {}, i.cause),
      h('dl', { class: 'facts' },
        ...facts([
          ['value', count(i.value)], ['limit', i.limit ? count(i.limit) : NOTHING], ['since', when(i.since_ms)],
          ['resolved', i.resolved_ms > 0 ? when(i.resolved_ms) : 'not yet'], ['times', String(i.times)], ['escalation level', String(i.level)], ['correlation', i.correlation],
        ])),
      h('p', {}, h('b', {}, 'What is done: '), i.response),
      i.actions.length > 0 ? h('ul', {}, ...i.actions.map((a) => h('li', {}, typeof a === 'string' ? a : JSON.stringify(a)))) : null as unknown as string,
      h('h4', {}, 'Webhooks'),
      deliveries.length > 0
        ? h('ul', {}, ...deliveries.map((d) => h('li', {}, `${d.target}: ${d.event} ${d.state}, ${d.attempts} ${d.attempts === 1 ? 'attempt' : 'attempts'}, ${d.http_code ? `HTTP ${d.http_code}` : 'no answer'}${d.problem ? `, ${d.problem}` : ''}`)))
        : h('p', { class: 'empty' }, this.alerts.problem || 'Nobody was told: no webhook is set (alert.url), or it was told before what is remembered.'),
      h('h4', {}, 'Audit trail'),
      lines.length > 0 ? h('pre', {}, lines.join('\n')) : h('p', { class: 'empty' }, this.audit.problem ? 'The trail cannot be read here.' : 'No line of the last 64 carries this correlation id.'),
      h('div', { class: 'buttons' },
        h('button', { type: 'button', class: 'quiet', click: () => this.clear() }, 'Back to live'),
        i.state === 'open' ? actionButton('Acknowledge', () => ({
          title: 'Acknowledge the incident',
          text: 'Says that somebody knows of it: it does not escalate by age any more. It stays open until what it is about has passed.',
          argv: ['ATTL.INCIDENT', 'ACK', String(i.id)],
        })) : ''),
    );
  }
}

function endOf(i: Incident, now: number): number {
  return i.resolved_ms > 0 ? i.resolved_ms : now;
}

function facts(pairs: [string, string][]): HTMLElement[] {
  return pairs.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)));
}
