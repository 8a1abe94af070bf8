// SPDX-License-Identifier: BSD-2-Clause
// Changes. Each goes through one dialog that shows the equivalent `attl` line, asks for the token if
// there is none, tries a dry run first where the command has one, and shows what came back. Nothing
// is changed without a press on the second button. The token stays in this tab's session storage.
import { ApiError, command, setToken, token } from './api';
import { h, setText } from './dom';
import { attlLine } from './format';

export interface Action {
  title: string;
  text: string;
  argv: string[];
  /** The same without consequences; shown before the real button can be pressed. */
  dryRun?: string[];
  /** For settings: the last word of argv is asked for. */
  ask?: { label: string; value: string };
  done?: () => void;
}

export function pretty(result: unknown): string {
  if (result === null || result === undefined) return 'nil';
  return typeof result === 'object' ? JSON.stringify(result, null, 1) : String(result);
}

class Dialog {
  private readonly element = h('dialog', { class: 'action', 'aria-labelledby': 'action-title' });
  private readonly title = h('h2', { id: 'action-title' });
  private readonly text = h('p');
  private readonly line = h('code', { class: 'line' });
  private readonly copy = h('button', { type: 'button', class: 'quiet', click: () => void this.copyLine() }, 'copy');
  private readonly askLabel = h('label', { for: 'action-value' });
  private readonly ask = h('input', { id: 'action-value', type: 'text', autocomplete: 'off', spellcheck: 'false', input: () => this.showLine() });
  private readonly askRow = h('div', { class: 'field' }, this.askLabel, this.ask);
  private readonly secret = h('input', { id: 'action-token', type: 'password', autocomplete: 'off', input: () => this.enable() });
  private readonly forget = h('button', { type: 'button', class: 'quiet', click: () => this.forgetToken() }, 'forget token');
  private readonly secretRow = h(
    'div',
    { class: 'field' },
    h('label', { for: 'action-token' }, 'Token (admin.token, or the file admin.token in server.dir). It is kept in this tab only.'),
    this.secret,
  );
  private readonly output = h('pre', { class: 'output', tabindex: '0', role: 'status', hidden: true });
  private readonly dry = h('button', { type: 'button', click: () => void this.run(true) }, 'Dry run');
  private readonly go = h('button', { type: 'submit', class: 'go' }, 'Run');
  private readonly cancel = h('button', { type: 'button', class: 'quiet', click: () => this.element.close() }, 'Close');
  private action: Action | null = null;
  private triedDry = false;
  private busy = false;

  constructor() {
    const form = h(
      'form',
      { method: 'dialog', submit: (e) => { e.preventDefault(); void this.run(false); } },
      this.title,
      this.text,
      this.askRow,
      h('p', { class: 'label' }, 'The same on the command line:'),
      h('div', { class: 'line-row' }, this.line, this.copy),
      this.secretRow,
      this.output,
      h('div', { class: 'buttons' }, this.forget, this.cancel, this.dry, this.go),
    );
    this.element.append(form);
    document.body.append(this.element);
  }

  open(action: Action): void {
    this.action = action;
    this.triedDry = false;
    setText(this.title, action.title);
    setText(this.text, action.text);
    this.askRow.hidden = !action.ask;
    setText(this.askLabel, action.ask?.label ?? '');
    this.ask.value = action.ask?.value ?? '';
    this.dry.hidden = !action.dryRun;
    this.output.hidden = true;
    this.showLine();
    this.enable();
    this.element.showModal();
    (action.ask ? this.ask : token() ? (action.dryRun ? this.dry : this.go) : this.secret).focus();
  }

  private argv(dry: boolean): string[] {
    const action = this.action as Action;
    const words = dry && action.dryRun ? action.dryRun : action.argv;
    return action.ask && !dry ? [...words, this.ask.value] : [...words];
  }

  private showLine(): void {
    setText(this.line, attlLine(this.argv(this.action?.dryRun !== undefined && !this.triedDry)));
  }

  private enable(): void {
    const has = token() !== '' || this.secret.value !== '';
    this.secretRow.hidden = token() !== '';
    this.forget.hidden = token() === '';
    this.dry.disabled = !has || this.busy;
    this.go.disabled = !has || this.busy || (this.action?.dryRun !== undefined && !this.triedDry);
    this.go.title = this.action?.dryRun && !this.triedDry ? 'Try the dry run first' : '';
  }

  private forgetToken(): void {
    setToken('');
    this.secret.value = '';
    this.enable();
  }

  private async copyLine(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.line.textContent ?? '');
      setText(this.copy, 'copied');
    } catch {
      setText(this.copy, 'select it');
    }
    setTimeout(() => setText(this.copy, 'copy'), 1500);
  }

  private async run(dry: boolean): Promise<void> {
    if (this.secret.value) setToken(this.secret.value);
    this.busy = true;
    this.enable();
    try {
      const result = await command(this.argv(dry));
      this.show(pretty(result), true);
      if (dry) this.triedDry = true;
      else this.action?.done?.();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.forgetToken();
      this.show(error instanceof Error ? error.message : String(error), false);
    }
    this.secret.value = '';
    this.busy = false;
    this.showLine();
    this.enable();
  }

  private show(text: string, fine: boolean): void {
    this.output.hidden = false;
    this.output.classList.toggle('failed', !fine);
    setText(this.output, (fine ? '' : 'Refused: ') + text);
  }
}

let dialog: Dialog | null = null;

export function openAction(action: Action): void {
  dialog ??= new Dialog();
  dialog.open(action);
}

export function actionButton(label: string, make: () => Action): HTMLButtonElement {
  return h('button', { type: 'button', class: 'act', click: () => openAction(make()) }, label);
}
