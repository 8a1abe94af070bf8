// SPDX-License-Identifier: BSD-2-Clause
// Band 1, always on the screen: the state in a word with a shape of its own, and the figures that an
// operator looks at first. The tab's title and icon carry the worst state. When no event has come
// for three seconds the strip says "stale" and how long: old figures must not look like new ones.
import { frame, type Band } from './band';
import { h, setAttr, setText } from './dom';
import { bytes, count, percent, plural, seconds, span } from './format';
import { num, stateOf, type Check, type Model } from './model';

const SHAPES = { ok: '●', warn: '▲', bad: '◆', stale: '◌' } as const;
const AREAS = ['function', 'integrity', 'tasks', 'performance', 'configuration'] as const;

class Figure {
  readonly element: HTMLElement;
  private readonly value = h('b', {}, '–');
  private readonly small = h('small');

  constructor(name: string, title: string, id: string) {
    this.element = h('div', { class: 'figure', title, id: `figure-${id}` }, h('span', {}, name), this.value, this.small);
  }

  set(text: string, small = '', kind = ''): void {
    setText(this.value, text);
    setText(this.small, small);
    setAttr(this.element, 'data-kind', kind);
  }
}

export class StatusStrip {
  readonly element: HTMLElement;
  private readonly shape = h('span', { class: 'shape', 'aria-hidden': 'true' }, SHAPES.stale);
  private readonly word = h('strong', { id: 'state-word' }, 'waiting');
  private readonly sub = h('small', { id: 'state-sub' });
  private readonly state = h('div', { class: 'state', role: 'status', id: 'state' }, this.shape, h('span', {}, this.word, this.sub));
  private readonly ops = new Figure('requests/s', 'Commands per second', 'ops');
  private readonly hit = new Figure('hit ratio', 'Share of reads that found a living entry, over the last 10 seconds', 'hit');
  private readonly p99 = new Figure('p99', 'Time to execute a command, 99 of 100 are faster; last 10 seconds', 'p99');
  private readonly memory = new Figure('memory', 'Used by the cache, against cache.max_memory', 'memory');
  private readonly meter = h('div', { class: 'meter', role: 'meter', 'aria-label': 'memory used', 'aria-valuemin': '0', 'aria-valuemax': '100' }, h('i'));
  private readonly items = new Figure('entries', 'Entries of the cache', 'items');
  private readonly lag = new Figure('log lag', 'Bytes that are not yet durable', 'lag');
  private readonly open = new Figure('incidents', 'Open incidents', 'incidents');

  constructor(
    private readonly model: Model,
    tools: HTMLElement,
  ) {
    this.memory.element.append(this.meter);
    this.element = h(
      'header',
      { class: 'strip', id: 'status', 'aria-label': 'Status' },
      this.state,
      h('div', { class: 'figures' }, ...[this.ops, this.hit, this.p99, this.memory, this.items, this.lag, this.open].map((f) => f.element)),
      tools,
    );
  }

  update(now_ms: number, problem: string): void {
    const { model } = this;
    const { tick } = model;
    const { word, worst } = stateOf(model, now_ms);
    setAttr(this.element, 'data-worst', worst);
    setText(this.shape, SHAPES[worst]);
    setText(this.word, word);
    setText(this.sub, this.subText(now_ms, problem));
    const title = `${worst === 'ok' ? '' : SHAPES[worst] + ' '}${word} · attld`;
    if (document.title !== title) document.title = title;
    const icon = document.getElementById('icon');
    if (icon) setAttr(icon, 'href', `/assets/icon-${worst}.svg`);
    if (tick) this.figures();
  }

  private subText(now_ms: number, problem: string): string {
    const { tick } = this.model;
    if (!tick) return problem || 'no event yet';
    if (this.model.isStale(now_ms)) return `no event for ${span((now_ms - this.model.heard_ms) / 1000)}`;
    const server = tick.info?.server ?? {};
    return `attld ${server.attl_version ?? ''} · port ${server.tcp_port ?? '?'} · up ${span(Number(server.uptime_in_seconds ?? 0))}`;
  }

  private figures(): void {
    const { model } = this;
    const { tick, series } = model;
    if (!tick) return;
    this.ops.set(count(model.last('ops') === null ? null : Math.round(model.last('ops') as number)), plural(num(tick.info, 'clients', 'connected_clients'), 'client'));
    const sum = (list: (number | null)[]): number => list.slice(-10).reduce<number>((a, b) => a + (b ?? 0), 0);
    const reads = sum(series.hits) + sum(series.misses);
    this.hit.set(percent(reads > 0 ? sum(series.hits) / reads : null), reads > 0 ? '' : 'no reads');
    this.p99.set(seconds(model.last('p99')), `p50 ${seconds(model.last('p50'))}`);
    const used = model.last('used');
    const limit = model.last('limit');
    const share = used !== null && limit ? used / limit : null;
    this.memory.set(bytes(used), limit ? `of ${bytes(limit)}` : 'no limit', share !== null && share > 0.95 ? 'warn' : '');
    const fill = this.meter.firstElementChild as HTMLElement;
    this.meter.hidden = share === null;
    fill.style.width = `${Math.min(100, (share ?? 0) * 100).toFixed(1)}%`;
    setAttr(this.meter, 'aria-valuenow', ((share ?? 0) * 100).toFixed(0));
    this.items.set(count(model.last('items')), `${count(tick.stats?.items_ttl)} with a TTL`);
    const log = String(tick.info?.persistence?.attl_log_state ?? 'off');
    this.lag.set(log === 'off' ? 'off' : bytes(model.last('unsynced')), log === 'off' ? 'memory only' : log, log === 'off' || log === 'writing' ? '' : 'warn');
    const open = model.openIncidents();
    const critical = open.some((i) => i.severity === 'critical');
    this.open.set(String(open.length), open.length > 0 ? open[0].kind.replace(/_/g, ' ') : 'none open', open.length === 0 ? '' : critical ? 'bad' : 'warn');
  }
}

/** The five areas of health, each with its checks; those that are not well stand open. */
export class HealthBand implements Band {
  readonly element: HTMLElement;
  private readonly chips = new Map<string, { button: HTMLButtonElement; list: HTMLElement }>();

  constructor(private readonly model: Model) {
    const row = h('div', { class: 'areas' });
    for (const area of AREAS) {
      const list = h('ul', { class: 'checks', id: `checks-${area}`, hidden: true });
      const button = h(
        'button',
        { type: 'button', class: 'area', 'aria-expanded': 'false', 'aria-controls': `checks-${area}`, click: () => this.toggle(area) },
        '',
      );
      this.chips.set(area, { button, list });
      row.append(button);
    }
    this.element = frame(
      'health', 'Health', 'Five questions that attld asks itself; press one for its checks, with value and limit.', [],
      row, ...AREAS.map((a) => this.chips.get(a)!.list),
    );
  }

  private toggle(area: string): void {
    const chip = this.chips.get(area);
    if (!chip) return;
    chip.list.hidden = !chip.list.hidden;
    chip.button.setAttribute('aria-expanded', String(!chip.list.hidden));
  }

  tick(): void {
    const health = this.model.tick?.health;
    if (!health?.areas) return;
    for (const [area, chip] of this.chips) {
      const status = health.areas[area] ?? '?';
      setAttr(chip.button, 'data-kind', status);
      setText(chip.button, `${status === 'ok' ? SHAPES.ok : status === 'warn' ? SHAPES.warn : SHAPES.bad} ${area}`);
      const checks = (health.checks ?? []).filter((c) => c.area === area);
      const text = checks.map(describe);
      if (chip.list.childElementCount !== text.length) chip.list.replaceChildren(...text.map(() => h('li')));
      text.forEach((t, i) => {
        setText(chip.list.children[i], t);
        setAttr(chip.list.children[i], 'data-kind', checks[i].status);
      });
    }
  }
}

function describe(c: Check): string {
  const shape = c.status === 'ok' ? SHAPES.ok : c.status === 'warn' ? SHAPES.warn : SHAPES.bad;
  const limit = c.limit === null || c.limit === undefined ? '' : `, limit ${c.limit}`;
  return `${shape} ${c.check.replace(/_/g, ' ')}: ${c.text} (${c.value ?? '–'}${limit})`;
}
