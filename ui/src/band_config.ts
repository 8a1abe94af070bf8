// SPDX-License-Identifier: BSD-2-Clause
// The settings in effect: value, where it came from, whether a change needs a restart, and what it
// is about. The filter looks into names, values, origins and texts. Where the server tells origins
// (/api/v1/settings) they are shown; older ones give names and values. A change goes through the
// dialog as everything else does; those of this page become marks on the timeline.
import { openAction } from './action';
import { frame, Poll, Table, offers, type Band } from './band';
import { h, setText } from './dom';
import { listOf, type Model } from './model';

export interface Setting {
  name: string;
  value: string;
  default?: string;
  origin?: string;
  live?: unknown;
  type?: string;
  unit?: string;
  text?: string;
}

/** True if every word of the filter is somewhere in the setting. */
export function matches(s: Setting, filter: string): boolean {
  const hay = `${s.name} ${s.value} ${s.origin ?? ''} ${s.text ?? ''}`.toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => hay.includes(word));
}

export function isLive(s: Setting): boolean {
  return s.live === true || s.live === 1 || s.live === 'yes' || s.live === undefined;
}

export function isChanged(s: Setting): boolean {
  return s.origin !== undefined ? s.origin !== 'default' : s.default !== undefined && s.default !== s.value;
}

export class ConfigBand implements Band {
  readonly element: HTMLElement;
  private readonly filter = h('input', { type: 'search', id: 'config-filter', placeholder: 'filter settings  ( / )', 'aria-label': 'Filter settings', autocomplete: 'off', spellcheck: 'false' });
  private readonly changed = h('input', { type: 'checkbox', id: 'config-changed', checked: true });
  private readonly told = h('p', { class: 'note', role: 'status' });
  private readonly table: Table<Setting>;
  private readonly full: Poll<Setting[]>;
  private readonly plain: Poll<Record<string, string>>;
  private seen = new Map<string, string>();

  constructor(private readonly model: Model) {
    this.filter.addEventListener('input', () => this.show());
    this.changed.addEventListener('change', () => this.show());
    this.table = new Table<Setting>('Settings', [
      { head: 'setting', cell: (s) => h('span', { class: 'setting', title: s.text ?? '' }, h('code', {}, s.name)), wide: true },
      { head: 'value', cell: (s) => h('code', { class: isChanged(s) ? 'changed' : '' }, s.value === '' ? '(empty)' : s.value) },
      { head: 'default', cell: (s) => (s.default === undefined ? '–' : s.default || '(empty)'), extra: true },
      { head: 'from', cell: (s) => s.origin ?? '–' },
      { head: 'change', cell: (s) => this.changeCell(s) },
    ], (s) => s.name, 'No setting matches. Untick “changed only” to see all.');
    this.full = new Poll('settings', 10_000, () => this.show());
    this.plain = new Poll('config', 10_000, () => this.show());
    this.element = frame('config', 'Configuration', 'What is in effect, and where it came from.',
      [this.filter, h('label', { for: 'config-changed' }, this.changed, ' changed only')], this.told, this.table.element);
  }

  focusFilter(): void {
    this.filter.focus();
    this.element.scrollIntoView({ block: 'start' });
  }

  private changeCell(s: Setting): HTMLElement {
    if (!isLive(s)) return h('span', { class: 'dim', title: 'Set it in settings.toml, the environment or on the command line' }, 'at restart');
    return h('button', { type: 'button', class: 'act small', 'data-setting': s.name, 'aria-label': `Change ${s.name}` }, 'set');
  }

  listenForPresses(): void {
    this.table.element.addEventListener('click', (e) => {
      const button = (e.target as Element).closest('button[data-setting]');
      const setting = this.all().find((s) => s.name === button?.getAttribute('data-setting'));
      if (setting) this.change(setting);
    });
  }

  private change(s: Setting): void {
    openAction({
      title: `Change ${s.name}`,
      text: `${s.text ?? ''} It is in effect at once and lasts until the next start, unless ‘attl config rewrite’ keeps it.`.trim(),
      argv: ['CONFIG', 'SET', s.name],
      ask: { label: s.unit ? `Value (${s.unit})` : 'Value', value: s.value },
      done: () => {
        this.full.soon();
        this.plain.soon();
      },
    });
  }

  private all(): Setting[] {
    if (this.full.value) return listOf<Setting>(this.full.value);
    return Object.entries(this.plain.value ?? {}).map(([name, value]) => ({ name, value: String(value) })).filter((s) => s.name.includes('.'));
  }

  tick(): void {
    (offers('settings') ? this.full : this.plain).tick(Date.now());
  }

  private show(): void {
    const all = this.all();
    this.noteChanges(all);
    const known = all.some((s) => s.origin !== undefined || s.default !== undefined);
    this.changed.disabled = !known;
    const filter = this.filter.value.trim();
    const rows = all.filter((s) => (!known || !this.changed.checked || filter !== '' || isChanged(s)) && (filter === '' || matches(s, filter)));
    this.table.show(rows, this.full.problem || this.plain.problem);
    setText(this.told, `${rows.length} of ${all.length} settings${known ? `, ${all.filter(isChanged).length} differ from their defaults` : ''}.`);
  }

  private noteChanges(all: Setting[]): void {
    for (const s of all) {
      const before = this.seen.get(s.name);
      if (before !== undefined && before !== s.value) this.model.marks.push({ at_ms: this.model.tick?.time_ms ?? Date.now(), text: `${s.name}: ${before || '(empty)'} → ${s.value || '(empty)'}` });
      this.seen.set(s.name, s.value);
    }
  }
}
