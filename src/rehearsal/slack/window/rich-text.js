/** Parsed mrkdwn (the server parses it) as elements. */
import { h } from "./dom.js";

export function richText(nodes) {
  return (nodes ?? []).map(nodeElement);
}

function nodeElement(node) {
  switch (node.kind) {
    case "text":
      return lines(node.text);
    case "bold":
      return h("strong", {}, richText(node.children));
    case "italic":
      return h("em", {}, richText(node.children));
    case "strike":
      return h("s", {}, richText(node.children));
    case "quote":
      return h("blockquote", {}, richText(node.children));
    case "code":
      return h("code", {}, node.text);
    case "pre":
      return h("pre", {}, node.text);
    case "mention":
      return h("span", { class: "mention" }, node.text);
    case "link":
      return linkElement(node);
    default:
      return "";
  }
}

/** Only addresses that a browser opens as pages or mail become links. */
function linkElement(node) {
  if (!/^(https?:|mailto:)/i.test(node.url)) return node.label;
  return h("a", { href: node.url, target: "_blank", rel: "noopener noreferrer", title: node.url }, node.label);
}

function lines(text) {
  return text.split("\n").flatMap((line, index) => (index === 0 ? [line] : [h("br"), line]));
}

/** The text of a text object, for labels and options. */
export function plain(textObject) {
  return (textObject?.nodes ?? []).map((node) => node.text ?? node.label ?? "").join("") || (textObject?.text ?? "");
}
