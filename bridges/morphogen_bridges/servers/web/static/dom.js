/** Small helpers for making elements. */

/**
 * Make an element.
 * @param {string} tag e.g. "button.quiet" (classes after dots)
 * @param {Object} [props] attributes; `on` is a map of listeners, functions and booleans become properties
 * @param {...(Node|string)} children
 */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (key === "on") for (const [type, handler] of Object.entries(value)) element.addEventListener(type, handler);
    else if (typeof value === "boolean") element.toggleAttribute(key, value);
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** @param {string} id */
export const byId = (id) => document.getElementById(id);

/** Set text only if it differs: no needless layout. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Read a setting of this browser; never fails (private windows refuse storage). */
export function remembered(key, fallback) {
  try {
    const text = localStorage.getItem(`morphogen.${key}`);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

/** Keep a setting in this browser. */
export function remember(key, value) {
  try {
    localStorage.setItem(`morphogen.${key}`, JSON.stringify(value));
  } catch {
    // nothing to keep it in
  }
}

/**
 * A row of exclusive choices, operable by arrows and touch.
 * @param {Element} root gets role radiogroup
 * @param {Array<[string, string]>} options [value, label]
 * @param {(value: string) => void} choose
 * @returns {(value: string) => void} marks one as chosen
 */
export function segments(root, options, choose) {
  root.setAttribute("role", "radiogroup");
  const buttons = options.map(([value, label]) =>
    h("button", { type: "button", role: "radio", "data-value": value, "aria-checked": "false", tabindex: "-1" }, label));
  const mark = (value) => {
    const known = options.some(([other]) => other === value);
    buttons.forEach((button, i) => {
      const chosen = button.dataset.value === value;
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen || (!known && i === 0) ? 0 : -1;
    });
  };
  const pick = (button) => {
    mark(button.dataset.value);
    choose(button.dataset.value);
  };
  buttons.forEach((button, i) => {
    button.addEventListener("click", () => pick(button));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      const next = buttons[(i + step + buttons.length) % buttons.length];
      next.focus();
      pick(next);
    });
  });
  root.replaceChildren(...buttons);
  return mark;
}
