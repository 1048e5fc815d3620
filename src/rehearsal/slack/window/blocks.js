/** Block Kit as elements. `context`: where the blocks stand and what happens when something in them is used (see elements.js). */
import { h } from "./dom.js";
import { elementFor } from "./elements.js";
import { plain, richText } from "./rich-text.js";

export function blockElements(blocks, context) {
  return blocks.map((block) => blockElement(block, context));
}

function blockElement(block, context) {
  switch (block.type) {
    case "header":
      return h("h3", { class: "b-header" }, richText(block.text?.nodes));
    case "section":
      return section(block, context);
    case "divider":
      return h("hr", { class: "b-divider" });
    case "context":
      return h(
        "div",
        { class: "b-context" },
        block.elements.map((element) => contextItem(element)),
      );
    case "actions":
      return h(
        "div",
        { class: "b-actions" },
        block.elements.map((element) => elementFor(element, block, context)),
      );
    case "image":
      return h("figure", { class: "b-image" }, image(block), block.title && h("figcaption", {}, plain(block.title)));
    case "markdown":
      return h("div", { class: "b-section" }, h("div", { class: "b-text" }, richText(block.nodes)));
    case "input":
      return input(block, context);
    default:
      return h("div", { class: "b-unknown" }, `(this window does not draw “${block.type}” blocks)`);
  }
}

function section(block, context) {
  return h(
    "div",
    { class: "b-section" },
    h(
      "div",
      { class: "b-body" },
      block.text && h("div", { class: "b-text" }, richText(block.text.nodes)),
      block.fields &&
        h(
          "div",
          { class: "b-fields" },
          block.fields.map((field) => h("div", { class: "b-field" }, richText(field.nodes))),
        ),
    ),
    block.accessory &&
      h(
        "div",
        { class: "b-accessory" },
        block.accessory.type === "image" ? image(block.accessory) : elementFor(block.accessory, block, context),
      ),
  );
}

function contextItem(element) {
  return element.type === "image" ? image(element) : h("span", {}, richText(element.nodes));
}

function image(element) {
  return h("img", { src: element.image_url, alt: element.alt_text, loading: "lazy" });
}

function input(block, context) {
  const id = `${context.view?.id ?? "m"}-${block.block_id}`;
  const error = context.view?.errors?.[block.block_id];
  const grouped = ["checkboxes", "radio_buttons"].includes(block.element.type);
  const label = [plain(block.label), block.optional && h("span", { class: "optional" }, " (optional)")];
  return h(
    grouped ? "fieldset" : "div",
    { class: error ? "b-input wrong" : "b-input" },
    grouped ? h("legend", {}, label) : h("label", { for: id }, label),
    elementFor(block.element, block, { ...context, inputId: id, describedBy: `${id}-note` }),
    h(
      "div",
      { class: error ? "note error" : "note", id: `${id}-note`, role: error ? "alert" : null },
      error ?? (block.hint ? plain(block.hint) : ""),
    ),
  );
}
