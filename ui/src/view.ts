// SPDX-License-Identifier: BSD-2-Clause
// What all charts share: the range of time that is shown, either the last minutes or the window of
// an incident, the colours of the theme, and which figures have to be drawn anew. Drawing happens
// once per frame at most, and only for what is on the screen.

export interface Drawable {
  readonly element: Element;
  draw(): void;
  /** The theme has changed: colours must be read again. */
  restyle?(): void;
}

export const RANGES_MIN = [1, 5, 15] as const;

class View {
  minutes: number = 5;
  /** Seconds; set while an incident is selected. */
  window: { from: number; to: number } | null = null;
  /** Whether keys are shown: they are personal data as often as not. */
  showKeys = false;
  private drawables: Drawable[] = [];
  private visible = new Set<Element>();
  private wanted = false;
  private watcher: IntersectionObserver | null = null;

  add(drawable: Drawable): void {
    this.drawables.push(drawable);
    this.watcher ??= new IntersectionObserver((entries) => this.seen(entries), { rootMargin: '120px' });
    this.watcher.observe(drawable.element);
  }

  private seen(entries: IntersectionObserverEntry[]): void {
    for (const e of entries) {
      if (e.isIntersecting) this.visible.add(e.target);
      else this.visible.delete(e.target);
    }
    this.request();
  }

  /** Seconds shown of what there is: a page that was opened just now shows its first minute whole. */
  range(times: readonly number[]): { from: number; to: number } {
    if (this.window) return this.window;
    const to = times[times.length - 1] ?? Date.now() / 1000;
    const first = Math.min(times[0] ?? to, to - 60);
    return { from: Math.max(first, to - this.minutes * 60), to };
  }

  request(): void {
    if (this.wanted || document.hidden) return;
    this.wanted = true;
    requestAnimationFrame(() => {
      this.wanted = false;
      for (const d of this.drawables) if (this.visible.has(d.element)) d.draw();
    });
  }

  restyle(): void {
    for (const d of this.drawables) d.restyle?.();
    this.request();
  }
}

export const view = new View();
