/** Where people type. Enter sends, Shift+Enter breaks the line; a slash offers the commands. */
import { fill, h } from "./dom.js";

/** `send(text)`; `commands()`: what may be offered, none in threads. */
export function createComposer({ label, send, commands }) {
  let chosen = 0;
  const offers = h("ul", { class: "offers", role: "listbox", hidden: true });
  const field = h("textarea", {
    rows: 1,
    "aria-label": label,
    placeholder: label,
    oninput: () => {
      chosen = 0;
      offer();
    },
    onkeydown: key,
  });
  const form = h(
    "form",
    {
      class: "composer",
      onsubmit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    offers,
    field,
    h("button", { type: "submit", class: "send", "aria-label": "Send" }, "➤"),
  );

  function matching() {
    if (!/^\/\S*$/.test(field.value)) return [];
    return commands().filter((command) => command.command.startsWith(field.value));
  }

  function offer() {
    const found = matching();
    offers.hidden = found.length === 0;
    fill(
      offers,
      found.map((command, index) =>
        h(
          "li",
          {
            role: "option",
            "aria-selected": String(index === chosen),
            onmousedown: (event) => {
              event.preventDefault();
              complete(command);
            },
          },
          h("strong", {}, command.command),
          h("span", {}, command.usageHint),
          h("small", {}, command.description),
        ),
      ),
    );
    field.rows = Math.min(6, field.value.split("\n").length);
  }

  function complete(command) {
    field.value = `${command.command} `;
    field.focus();
    offer();
  }

  function key(event) {
    const found = matching();
    if (found.length > 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length;
      return offer();
    }
    const isWhole = found.some((command) => command.command === field.value);
    if (found.length > 0 && (event.key === "Tab" || (event.key === "Enter" && !isWhole))) {
      event.preventDefault();
      return complete(found[chosen]);
    }
    if (event.key === "Escape") offers.hidden = true;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
  }

  function submit() {
    const text = field.value.trim();
    if (text === "") return;
    field.value = "";
    offer();
    send(text);
  }

  return { element: form, focus: () => field.focus() };
}
