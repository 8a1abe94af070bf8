// SPDX-License-Identifier: BSD-2-Clause
// Who is connected, what the audit trail says last, and a bundle of diagnostics to copy into a
// report. The bundle holds figures and settings with secrets hidden by the server, no keys and no
// values. The audit trail is read only where it is switched on.
import { get } from './api';
import { frame, offers, Poll, Table, type Band } from './band';
import { h, setText } from './dom';
import { bytes, count, span } from './format';
import { listOf, type Model } from './model';

interface Client {
  id: number;
  addr: string;
  name: string;
  age: number;
  idle: number;
  cmd: string;
  user: string;
  'tot-mem': number;
  'tot-cmds': number;
  'tot-net-in': number;
  'tot-net-out': number;
  'lib-name': string;
  resp: number;
}

export interface AuditLine {
  seq: string;
  time: string;
  event: string;
  user: string;
  text: string;
}

/** A line of the trail, for reading; what cannot be read is shown as it is. */
export function auditLine(raw: string): AuditLine {
  try {
    const o = JSON.parse(raw) as Record<string, unknown>;
    const known = ['seq', 'time', 'event', 'kind', 'user', 'action', 'hash', 'prev', 'addr', 'v', 'alg', 'client', 'id'];
    const rest = Object.entries(o).filter(([k, v]) => !known.includes(k) && v !== '').map(([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`);
    return { seq: String(o.seq ?? ''), time: String(o.time ?? '').replace('T', ' ').slice(0, 19), event: String([o.kind, o.action].filter((w) => w).join(' ')), user: String(o.user ?? ''), text: rest.join(' ') };
  } catch {
    return { seq: '', time: '', event: '', user: '', text: raw };
  }
}

export class ClientBand implements Band {
  readonly element: HTMLElement;
  private readonly table: Table<Client>;
  private readonly trail: Table<AuditLine>;
  private readonly clients: Poll<Client[]>;
  private readonly audit: Poll<string[]>;
  private readonly copied = h('span', { role: 'status', class: 'note' });

  constructor(private readonly model: Model) {
    this.table = new Table<Client>('Clients', [
      { head: 'client', cell: (c) => c.addr },
      { head: 'name', cell: (c) => c.name || c['lib-name'] || '–' },
      { head: 'user', cell: (c) => c.user, extra: true },
      { head: 'age', cell: (c) => span(c.age), number: true },
      { head: 'idle', cell: (c) => span(c.idle), number: true },
      { head: 'last command', cell: (c) => c.cmd },
      { head: 'commands', cell: (c) => count(c['tot-cmds']), number: true },
      { head: 'in', cell: (c) => bytes(c['tot-net-in']), number: true, extra: true },
      { head: 'out', cell: (c) => bytes(c['tot-net-out']), number: true, extra: true },
      { head: 'memory', cell: (c) => bytes(c['tot-mem']), number: true, extra: true },
    ], (c) => String(c.id), 'Nobody is connected.');
    this.trail = new Table<AuditLine>('Audit trail', [
      { head: 'time', cell: (a) => a.time },
      { head: 'event', cell: (a) => a.event },
      { head: 'user', cell: (a) => a.user, extra: true },
      { head: 'what', cell: (a) => a.text.slice(0, 160), wide: true },
    ], (a) => a.seq || a.text, 'The audit trail is off (audit.mode).');
    this.clients = new Poll('clients', 2000, () => this.table.show(listOf<Client>(this.clients.value).sort((a, b) => b['tot-cmds'] - a['tot-cmds']).slice(0, 50), this.clients.problem));
    this.audit = new Poll('audit?count=64', 5000, () => this.trail.show(listOf<unknown>(this.audit.value).map((l) => auditLine(typeof l === 'string' ? l : JSON.stringify(l))).reverse().slice(0, 20), this.audit.problem));
    const copy = h('button', { type: 'button', class: 'act', click: () => void this.copyDiagnostics() }, 'Copy diagnostics');
    this.element = frame('clients', 'Clients and audit trail', 'Who is connected, and what was done last.', [this.copied, copy],
      h('div', { class: 'grid two wide-left' }, h('div', {}, h('h3', {}, 'Clients'), this.table.element), h('div', {}, h('h3', {}, 'Audit trail'), this.trail.element)));
  }

  tick(): void {
    const now = Date.now();
    this.clients.tick(now);
    this.audit.tick(now);
  }

  private async copyDiagnostics(): Promise<void> {
    const parts: Record<string, unknown> = { taken: new Date().toISOString(), state: this.model.tick };
    for (const name of ['health', 'balance', 'accounting', 'persistence', 'snapshots', 'scrub', 'alerts', 'latency', 'config'])
      if (offers(name)) parts[name] = await get(name).catch((e: unknown) => String(e));
    try {
      await navigator.clipboard.writeText(JSON.stringify(parts, null, 1));
      setText(this.copied, 'copied');
    } catch {
      setText(this.copied, 'the browser did not allow it');
    }
    setTimeout(() => setText(this.copied, ''), 2500);
  }
}
