/** Modals and confirm dialogs. */
import { blockElements } from "./blocks.js";
import { fill, h } from "./dom.js";
import { plain } from "./rich-text.js";

/** `actions`: `submit()`, `close()`; `contextFor(view)`: see elements.js. */
export function createModal(dialog, { actions, contextFor }) {
  let shown = "";
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    void actions.close();
  });

  function show(view) {
    if (view === null) {
      shown = "";
      if (dialog.open) dialog.close();
      return;
    }
    const key = JSON.stringify([view.id, view.hash, view.errors, view.title]);
    if (key !== shown) draw(view);
    shown = key;
    if (!dialog.open) dialog.showModal();
  }

  function draw(view) {
    const typed = new Map([...dialog.querySelectorAll("[data-field]")].map((field) => [field.dataset.field, field.value]));
    const isSame = dialog.dataset.view === view.id;
    dialog.dataset.view = view.id;
    fill(dialog, content(view));
    // What stands in the fields but was not sent yet survives an update of the same view.
    for (const field of dialog.querySelectorAll("[data-field]")) {
      const before = typed.get(field.dataset.field);
      if (isSame && before !== undefined && before !== "") field.value = before;
    }
    dialog.querySelector(".wrong input, .wrong textarea, .wrong select")?.focus();
  }

  function content(view) {
    const submit = h("button", { type: "submit", class: "button primary" }, view.submit ? plain(view.submit) : "Submit");
    return h(
      "form",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          submit.disabled = true;
          submit.classList.add("busy");
          await flush();
          await actions.submit();
          submit.disabled = false;
          submit.classList.remove("busy");
        },
        novalidate: true,
      },
      h("h2", { id: "modal-title" }, plain(view.title)),
      view.errors[""] && h("p", { class: "note error", role: "alert" }, view.errors[""]),
      h("div", { class: "blocks" }, blockElements(view.blocks, contextFor({ ...view, isModal: true }))),
      h(
        "footer",
        {},
        h(
          "button",
          { type: "button", class: "button", onclick: () => actions.close() },
          view.close ? plain(view.close) : "Close",
        ),
        view.submit && submit,
      ),
    );
  }

  /** Sends what is still being typed: the field with the focus has not told us yet. */
  async function flush() {
    const pending = [...dialog.querySelectorAll("[data-field]")];
    for (const field of pending) {
      const [block_id = "", action_id = ""] = field.dataset.field.split("/");
      await actions.set({ block_id, action_id, filled: { value: field.value === "" ? null : field.value } });
    }
  }

  return { show };
}

/** Resolves with whether the person confirmed. */
export function askFor(dialog, confirm) {
  return new Promise((resolve) => {
    const finish = (answer) => {
      dialog.close();
      resolve(answer);
    };
    dialog.addEventListener("cancel", () => resolve(false), { once: true });
    fill(
      dialog,
      h("h2", { id: "confirm-title" }, plain(confirm.title)),
      h("p", {}, plain(confirm.text)),
      h(
        "footer",
        {},
        h("button", { type: "button", class: "button", onclick: () => finish(false) }, plain(confirm.deny)),
        h(
          "button",
          { type: "button", class: `button ${confirm.style === "danger" ? "danger" : "primary"}`, onclick: () => finish(true) },
          plain(confirm.confirm),
        ),
      ),
    );
    dialog.showModal();
  });
}
