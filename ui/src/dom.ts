// SPDX-License-Identifier: BSD-2-Clause
// The few helpers that stand in for a framework. Elements are made once and their texts changed in
// place, so that nothing flickers and focus stays where it is. Styles are set through the object
// model only, since the content policy forbids style attributes. Texts are never parsed as HTML.

export type Child = Node | string | null | undefined;
type Attributes = Record<string, string | number | boolean | EventListener | undefined>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/** Sets a text only if it is another one: the accessibility tree stays calm. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttr(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Makes the children of `parent` those of `items`, each under a key of its own: rows that stay keep
 * their element, and with it focus and selection.
 */
export function reconcile<T>(
  parent: Element,
  items: readonly T[],
  keyOf: (item: T) => string,
  make: (item: T) => Element,
  update: (element: Element, item: T) => void,
): void {
  const old = new Map<string, Element>();
  for (const child of Array.from(parent.children)) old.set((child as HTMLElement).dataset.key ?? '', child);
  let at: Element | null = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let element = old.get(key);
    if (element) old.delete(key);
    else {
      element = make(item);
      (element as HTMLElement).dataset.key = key;
    }
    update(element, item);
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
  for (const child of old.values()) child.remove();
}

/** The value of a custom property, "#0072b2". */
export function cssVar(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
