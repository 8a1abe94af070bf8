// SPDX-License-Identifier: BSD-2-Clause
// Talking to attld: reading /api/v1/*, running commands with the token, and the stream of events.
// The stream is read with fetch and not with EventSource, because only fetch can send a token for
// reading. The token lives in this tab's session storage and goes nowhere but into the header of
// requests to our own origin. A lost stream is taken up again after two seconds, for ever.

const TOKEN_KEY = 'attl-token';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export function token(): string {
  return sessionStorage.getItem(TOKEN_KEY) ?? '';
}

export function setToken(value: string): void {
  if (value) sessionStorage.setItem(TOKEN_KEY, value);
  else sessionStorage.removeItem(TOKEN_KEY);
}

function headers(): Record<string, string> {
  const value = token();
  return value ? { Authorization: `Bearer ${value}` } : {};
}

async function unwrap(response: Response): Promise<unknown> {
  let body: { result?: unknown; error?: { code: string; message: string } };
  try {
    body = await response.json();
  } catch {
    throw new ApiError(response.status, 'unreadable', `attld answered ${response.status}`);
  }
  if (body.error || !response.ok)
    throw new ApiError(response.status, body.error?.code ?? 'error', body.error?.message ?? `attld answered ${response.status}`);
  return body.result;
}

/** GET /api/v1/NAME; a server that lacks the endpoint, or refuses it, is an ApiError. */
export async function get<T>(name: string): Promise<T> {
  return (await unwrap(await fetch(`/api/v1/${name}`, { headers: headers() }))) as T;
}

/** What there is: the rows of the door's own list. */
export async function index(): Promise<{ path: string; command?: string }[]> {
  const response = await fetch('/api/v1/', { headers: headers() });
  if (!response.ok) throw new ApiError(response.status, 'error', 'a token is needed to read');
  return (await response.json()).endpoints ?? [];
}

export async function metrics(): Promise<Metrics> {
  const response = await fetch('/metrics', { headers: { ...headers(), Accept: 'application/json' } });
  if (!response.ok) throw new ApiError(response.status, 'error', 'metrics cannot be read');
  return response.json();
}

/** Runs a command with the token: what `attl ARGV` would print, as JSON. */
export async function command(argv: readonly string[]): Promise<unknown> {
  const response = await fetch('/api/v1/command', {
    method: 'POST',
    headers: { ...headers(), 'Content-Type': 'application/json' },
    body: JSON.stringify({ argv }),
  });
  return unwrap(response);
}

export interface Sample {
  labels: Record<string, string>;
  value: number;
  count?: number;
  sum?: number;
  buckets?: [number | null, number][];
}
export type Metrics = Record<string, { type: string; help: string; samples: Sample[] }>;

/** Cuts complete events off the text of a stream; returns them and what is left. */
export function cutEvents(text: string): { events: { name: string; data: string }[]; rest: string } {
  const blocks = text.split('\n\n');
  const rest = blocks.pop() ?? '';
  const events: { name: string; data: string }[] = [];
  for (const block of blocks) {
    let name = 'message';
    const data: string[] = [];
    for (const line of block.split('\n')) {
      if (line.startsWith('event:')) name = line.slice(6).trim();
      else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
    }
    if (data.length > 0) events.push({ name, data: data.join('\n') });
  }
  return { events, rest };
}

const RETRY_MS = 2000;
const SILENCE_MS = 10_000;

async function readStream(onEvent: (data: string) => void, stop: AbortController): Promise<void> {
  const response = await fetch('/api/v1/events', { headers: headers(), signal: stop.signal });
  if (!response.ok || !response.body) {
    await unwrap(response);
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const silence = setTimeout(() => stop.abort(), SILENCE_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    const cut = cutEvents(text + value);
    text = cut.rest;
    for (const event of cut.events) if (event.name === 'state') onEvent(event.data);
  }
}

/** Calls back for every event, for as long as the page lives. Failures are told, never thrown. */
export function listen(onEvent: (data: string) => void, onFailure: (error: unknown) => void): { again: () => void } {
  let stop = new AbortController();
  let wake: (() => void) | null = null;
  const loop = async (): Promise<void> => {
    for (;;) {
      stop = new AbortController();
      try {
        await readStream(onEvent, stop);
      } catch (error) {
        onFailure(error);
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, RETRY_MS);
      });
    }
  };
  void loop();
  return {
    again: () => {
      stop.abort();
      wake?.();
    },
  };
}
