/** Elements from data. Text only ever becomes text nodes: nothing here parses HTML. */

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [props] attributes; `on…` are listeners; `false`, `null` and `undefined` are left out
 * @param {...unknown} children strings, nodes, lists of them; empty values are left out
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...kids(children));
  return element;
}

/** Puts these children in place of what was there. */
export function fill(element, ...children) {
  element.replaceChildren(...kids(children));
}

/** Like `fill`, but leaves elements where they are when they have not changed: focus and scrolling survive. */
export function fillKeyed(element, items) {
  const wanted = new Set(items);
  for (const child of [...element.children]) if (!wanted.has(child)) child.remove();
  items.forEach((item, index) => {
    if (element.children[index] !== item) element.insertBefore(item, element.children[index] ?? null);
  });
}

function kids(children) {
  return children.flat(9).filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}
