/** Messages and threads. An element is built anew only when its message changed. */
import { blockElements } from "./blocks.js";
import { fill, fillKeyed, h } from "./dom.js";
import { richText } from "./rich-text.js";

const PALETTE = 6;
const BOTTOM_SLACK_PX = 80;

/** Keeps elements by what they show. `contextFor(message)`: see elements.js; `openThread(ts)`. */
export function createMessageList({ contextFor, openThread }) {
  /** @type {Map<string, {key: string, element: any}>} */
  const cache = new Map();

  function elementOf(message, replies, place) {
    const cacheKey = `${place}:${message.channel}:${message.ts}`;
    const key = JSON.stringify([message, replies.length, replies.at(-1)?.ts]);
    const cached = cache.get(cacheKey);
    if (cached?.key === key) return cached.element;
    const element = messageElement(message, {
      replies,
      context: contextFor(message),
      openThread: place === "thread" ? null : openThread,
    });
    cache.set(cacheKey, { key, element });
    return element;
  }

  /** Shows the messages of a channel; stays at the bottom when it was there. */
  function show(scroll, messages, all) {
    const atBottom = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < BOTTOM_SLACK_PX;
    fillKeyed(
      scroll,
      messages.map((message) => elementOf(message, repliesTo(message, all), "channel")),
    );
    if (atBottom) scroll.scrollTop = scroll.scrollHeight;
  }

  function showThread(scroll, parent, all) {
    const atBottom = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < BOTTOM_SLACK_PX;
    fillKeyed(scroll, [
      elementOf(parent, [], "thread"),
      ...repliesTo(parent, all).map((reply) => elementOf(reply, [], "thread")),
    ]);
    if (atBottom) scroll.scrollTop = scroll.scrollHeight;
  }

  return { show, showThread, forget: () => cache.clear() };
}

function repliesTo(message, all) {
  return all.filter((other) => other.threadTs === message.ts && other.channel === message.channel);
}

function messageElement(message, { replies, context, openThread }) {
  if (message.kind === "command") return commandLine(message);
  const count = replies.filter((reply) => reply.kind === "message" && !reply.ephemeral).length;
  const element = h(
    "article",
    { class: message.ephemeral ? "message ephemeral" : "message", "data-ts": message.ts, "aria-label": `${message.author.name}` },
    avatar(message.author),
    h(
      "div",
      { class: "content" },
      message.ephemeral && h("div", { class: "private" }, "Only visible to you"),
      h(
        "div",
        { class: "byline" },
        h("strong", {}, message.author.name),
        message.author.isBot && h("span", { class: "app" }, "APP"),
        h("time", { datetime: new Date(Number(message.ts) * 1000).toISOString() }, timeOf(message.ts)),
        message.broadcast && h("span", { class: "also" }, "replied in a thread"),
      ),
      body(message, context),
      message.reactions.length > 0 &&
        h(
          "div",
          { class: "reactions" },
          message.reactions.map((reaction) => h("span", {}, richText(reaction.nodes), ` ${reaction.count}`)),
        ),
      count > 0 &&
        openThread &&
        h(
          "button",
          { type: "button", class: "replies", onclick: () => openThread(message.ts) },
          `${count} ${count === 1 ? "reply" : "replies"}`,
        ),
    ),
    openThread &&
      !message.ephemeral &&
      h(
        "button",
        {
          type: "button",
          class: "start-thread",
          title: "Reply in thread",
          "aria-label": "Reply in thread",
          onclick: () => openThread(message.threadTs ?? message.ts),
        },
        "Reply",
      ),
  );
  return element;
}

function body(message, context) {
  if (message.blocks.length > 0) return h("div", { class: "blocks" }, blockElements(message.blocks, context));
  return h("div", { class: "text" }, richText(message.nodes), message.edited && h("span", { class: "edited" }, " (edited)"));
}

/** Slack forgets what was typed after a slash; here it stays for the one who typed it, so that a demo can be followed. */
function commandLine(message) {
  return h("div", { class: "typed" }, "You typed ", h("code", {}, richText(message.nodes)), h("time", {}, timeOf(message.ts)));
}

export function avatar(author) {
  const hash = [...author.id].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) >>> 0, 0);
  const colour = (hash ^ (hash >>> 7)) % PALETTE;
  return h(
    "span",
    { class: author.isBot ? "avatar bot" : `avatar tint-${colour}`, "aria-hidden": "true" },
    author.name.slice(0, 1).toUpperCase(),
  );
}

function timeOf(ts) {
  return new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** What a channel shows while nobody has said anything. */
export function emptyChannel(scroll, channel, commands) {
  const first = commands[0];
  fill(
    scroll,
    h(
      "div",
      { class: "empty" },
      h("h2", {}, channel.kind === "im" ? "Messages with gantry" : `# ${channel.name}`),
      channel.hasApp
        ? h("p", {}, "Nothing here yet.", first && [" Try ", h("code", {}, `${first.command} ${first.usageHint}`), "."])
        : h("p", {}, "gantry is not in this channel."),
    ),
  );
}
