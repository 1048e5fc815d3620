/**
 * Interactive elements. A context says where they stand and what using them does:
 * `use(element, block, chosen)` sends an action, `set(element, block, filled)` gives a form field a value, `confirm(dialog)` asks first,
 * `suggest(element, block, value)` asks the app for options; `view` is there in modals and the Home tab.
 */
import { h } from "./dom.js";
import { plain } from "./rich-text.js";

const TYPED = { plain_text_input: "text", email_text_input: "email", url_text_input: "url", number_input: "number" };
const PICKED = { datepicker: ["date", "selected_date"], timepicker: ["time", "selected_time"] };
const SUGGEST_DELAY_MS = 200;

export function elementFor(element, block, context) {
  if (element.type === "button") return button(element, block, context);
  if (element.type === "overflow") return overflow(element, block, context);
  if (element.type in TYPED) return typed(element, block, context);
  if (element.type in PICKED) return picked(element, block, context);
  if (element.type === "static_select") return select(element, block, context, staticOptions(element));
  if (element.type === "users_select") return select(element, block, context, personOptions(context));
  if (element.type === "channels_select" || element.type === "conversations_select")
    return select(element, block, context, channelOptions(context));
  if (element.type === "checkboxes" || element.type === "radio_buttons") return choices(element, block, context);
  if (element.type === "external_select") return external(element, block, context);
  return h("span", { class: "b-unknown" }, `(this window does not draw “${element.type}”)`);
}

function button(element, block, context) {
  const node = h(
    "button",
    { type: "button", class: `button ${element.style ?? ""}`, "aria-label": element.accessibility_label, onclick: press },
    plain(element.text),
  );
  async function press() {
    if (element.confirm && !(await context.confirm(element.confirm))) return;
    if (element.url && /^https?:/i.test(element.url)) window.open(element.url, "_blank", "noopener");
    node.disabled = true;
    node.classList.add("busy");
    await context.use(element, block, {});
    node.disabled = false;
    node.classList.remove("busy");
  }
  return node;
}

function overflow(element, block, context) {
  const menu = h(
    "details",
    { class: "overflow" },
    h("summary", { "aria-label": "More actions" }, "⋯"),
    h(
      "div",
      { class: "menu-items" },
      element.options.map((option) =>
        h(
          "button",
          {
            type: "button",
            onclick: async () => {
              menu.open = false;
              if (element.confirm && !(await context.confirm(element.confirm))) return;
              await context.use(element, block, { selected_option: bare(option) });
            },
          },
          plain(option.text),
        ),
      ),
    ),
  );
  return menu;
}

function typed(element, block, context) {
  const value = stateOf(element, block, context)?.value ?? "";
  const shared = {
    id: context.inputId,
    "data-field": fieldKey(element, block),
    "aria-describedby": context.describedBy,
    placeholder: element.placeholder ? plain(element.placeholder) : null,
    maxlength: element.max_length,
    onchange: (event) => context.set(element, block, { value: event.target.value === "" ? null : event.target.value }),
  };
  const node = element.multiline ? h("textarea", { ...shared, rows: 4 }) : h("input", { ...shared, type: TYPED[element.type] });
  node.value = value;
  return node;
}

function picked(element, block, context) {
  const [type, key] = PICKED[element.type];
  const node = h("input", {
    id: context.inputId,
    type,
    "aria-describedby": context.describedBy,
    onchange: () => choose(element, block, context, { [key]: node.value || null }),
  });
  node.value = stateOf(element, block, context)?.[key] ?? "";
  return node;
}

/** `options`: `{label, chosen, selected}`, where `chosen` is what Slack reports for it. */
function select(element, block, context, options) {
  const node = h(
    "select",
    {
      id: context.inputId,
      "aria-label": context.inputId ? null : plain(element.placeholder) || "Choose",
      "aria-describedby": context.describedBy,
      onchange: () => choose(element, block, context, options[Number(node.value)]?.chosen ?? emptied(element)),
    },
    h("option", { value: "" }, element.placeholder ? plain(element.placeholder) : "Choose an option"),
    options.map((option, index) => h("option", { value: index }, option.label)),
  );
  const state = stateOf(element, block, context);
  const current = options.findIndex((option) => Object.entries(option.chosen).every(([key, value]) => same(state?.[key], value)));
  node.value = current < 0 ? "" : String(current);
  return node;
}

function staticOptions(element) {
  const options = element.options ?? element.option_groups.flatMap((group) => group.options);
  return options.map((option) => ({ label: plain(option.text), chosen: { selected_option: bare(option) } }));
}

function personOptions(context) {
  return context.snapshot.people.map((person) => ({ label: person.realName, chosen: { selected_user: person.id } }));
}

function channelOptions(context) {
  return context.snapshot.channels
    .filter((channel) => channel.kind === "public")
    .map((channel) => ({
      label: `#${channel.name}`,
      chosen: context.inputId === undefined ? { selected_channel: channel.id } : { selected_conversation: channel.id },
    }));
}

function emptied(element) {
  if (element.type === "users_select") return { selected_user: null };
  return { selected_option: null };
}

function choices(element, block, context) {
  const many = element.type === "checkboxes";
  const state = stateOf(element, block, context);
  const chosen = () => [...group.querySelectorAll("input:checked")].map((input) => bare(element.options[Number(input.value)]));
  const group = h(
    "div",
    { class: "choices" },
    element.options.map((option, index) => {
      const input = h("input", {
        type: many ? "checkbox" : "radio",
        name: fieldKey(element, block),
        value: index,
        onchange: () =>
          choose(element, block, context, many ? { selected_options: chosen() } : { selected_option: chosen()[0] ?? null }),
      });
      input.checked = many
        ? (state?.selected_options ?? []).some((other) => same(bare(other), bare(option)))
        : same(state?.selected_option && bare(state.selected_option), bare(option));
      return h(
        "label",
        {},
        input,
        h("span", {}, plain(option.text), option.description && h("small", {}, plain(option.description))),
      );
    }),
  );
  return group;
}

/** Options come from the app while the person types. */
function external(element, block, context) {
  const state = stateOf(element, block, context);
  const list = h("div", { class: "suggestions", role: "listbox" });
  let timer = 0;
  const field = h("input", {
    id: context.inputId,
    type: "text",
    autocomplete: "off",
    placeholder: element.placeholder ? plain(element.placeholder) : "Type to search",
    oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(
        async () => list.replaceChildren(...(await context.suggest(element, block, field.value)).map(offer)),
        SUGGEST_DELAY_MS,
      );
    },
  });
  const offer = (option) =>
    h(
      "button",
      {
        type: "button",
        role: "option",
        onclick: () => {
          field.value = option.text.text;
          list.replaceChildren();
          void choose(element, block, context, { selected_option: option });
        },
      },
      option.text.text,
    );
  field.value = state?.selected_option?.text?.text ?? "";
  return h("div", { class: "external" }, field, list);
}

/** In a form the value waits for the submit button; elsewhere choosing is an action of its own. */
async function choose(element, block, context, chosen) {
  if (context.view?.isModal) return await context.set(element, block, chosen);
  if (element.confirm && !(await context.confirm(element.confirm))) return;
  await context.use(element, block, chosen);
}

function stateOf(element, block, context) {
  return context.view?.values?.[block.block_id]?.[element.action_id];
}

export function fieldKey(element, block) {
  return `${block.block_id}/${element.action_id}`;
}

/** An option without what the server added for display. */
function bare(option) {
  const { nodes: _, ...text } = option.text;
  const { nodes: __, ...description } = option.description ?? {};
  return { ...option, text, ...(option.description ? { description } : {}) };
}

function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
