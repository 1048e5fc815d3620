/** The window's page: fetches what one person sees, draws it, and fetches again whenever the workspace has news. */
import { act, fetchState, listen } from "./api.js";
import { blockElements } from "./blocks.js";
import { createComposer } from "./composer.js";
import { fill, h } from "./dom.js";
import { createMessageList, emptyChannel } from "./messages.js";
import { askFor, createModal } from "./modal.js";
import { drawPeople, drawSidebar } from "./sidebar.js";

const find = (selector) => /** @type {any} */ (document.querySelector(selector));
const slots = {
  people: find(".people"),
  sidebar: find(".sidebar"),
  title: find(".title"),
  scroll: find(".scroll"),
  thread: find(".thread"),
  banner: find(".banner"),
  composer: find(".composer-slot"),
};
const address = new URL(location.href);
const [linkedChannel, linkedTs] = address.hash.slice(1).split("/");

const ui = { as: address.searchParams.get("as") ?? localStorage.getItem("as") ?? "ana", place: linkedChannel ?? "", thread: "" };
/** @type {any} */
let snapshot = null;
/** `user/channel` -> the newest ts that was on screen. */
const lastSeen = new Map();

const list = createMessageList({
  contextFor: (message) => contextFor({ channel: message.channel, ts: message.ts }, null),
  openThread,
});
const modal = createModal(find("dialog.modal"), {
  actions: {
    submit: () => doAs({ act: "submit" }),
    close: () => doAs({ act: "close" }),
    set: (field) => doAs({ act: "field", view: snapshot.modal?.id, ...field }),
  },
  contextFor: (view) => contextFor({ view: view.id }, view),
});
const composer = createComposer({
  label: "Message",
  send: (text) => doAs({ act: "say", channel: ui.place, text }),
  commands: () => snapshot?.commands ?? [],
});
const threadScroll = h("div", { class: "scroll", role: "log", "aria-label": "Thread messages" });
const threadComposer = createComposer({
  label: "Reply",
  send: (text) => doAs({ act: "say", channel: ui.place, text, thread: ui.thread }),
  commands: () => [],
});

start();

function start() {
  fill(slots.composer, composer.element);
  fill(
    slots.thread,
    h(
      "div",
      { class: "title" },
      "Thread",
      h("button", { type: "button", class: "close", "aria-label": "Close thread", onclick: () => openThread("") }, "✕"),
    ),
    threadScroll,
    threadComposer.element,
  );
  find("button.menu").addEventListener("click", () => toggleMenu());
  find(".main").addEventListener("click", () => toggleMenu(false));
  listen(refresh, () => showBanner("The workspace does not answer. Trying again …"));
}

let fetching = false;
let again = false;

/** Fetches and draws; news that comes meanwhile is fetched once more afterwards. */
async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    do {
      again = false;
      snapshot = await fetchState(ui.as);
      draw();
    } while (again);
    hideBanner();
  } catch (error) {
    showBanner(String(error instanceof Error ? error.message : error));
  } finally {
    fetching = false;
  }
}

function draw() {
  const places = snapshot.channels.map((channel) => channel.id);
  if (ui.place !== "home" && !places.includes(ui.place)) ui.place = places[0];
  drawPeople(slots.people, { people: snapshot.people, me: snapshot.me, onChoose: become });
  drawPlace();
  drawSidebar(slots.sidebar, { snapshot, current: ui.place, unread, onChoose: goTo });
  modal.show(snapshot.modal);
  document.title = `${snapshot.me.name} · Rehearsal`;
}

function drawPlace() {
  slots.composer.hidden = ui.place === "home";
  slots.thread.hidden = ui.thread === "" || ui.place === "home";
  if (ui.place === "home") return drawHome();
  const channel = snapshot.channels.find((other) => other.id === ui.place);
  fill(
    slots.title,
    channel.kind === "im" ? "gantry" : `# ${channel.name}`,
    h("small", {}, channel.kind === "im" ? "direct messages" : `${channel.members} members`),
  );
  const here = snapshot.messages.filter((message) => message.channel === ui.place);
  const shown = here.filter((message) => message.threadTs === null || message.broadcast);
  if (shown.length === 0) emptyChannel(slots.scroll, channel, snapshot.commands);
  else list.show(slots.scroll, shown, here);
  drawThread(here);
  lastSeen.set(`${ui.as}/${ui.place}`, here.at(-1)?.ts ?? "");
  followLink();
}

function drawThread(here) {
  const parent = here.find((message) => message.ts === ui.thread);
  if (parent !== undefined) list.showThread(threadScroll, parent, here);
  else slots.thread.hidden = true;
}

let drawnHome = "";

function drawHome() {
  fill(slots.title, "gantry", h("small", {}, "Home"));
  const key = JSON.stringify([snapshot.me.id, snapshot.home]);
  if (drawnHome === key && slots.scroll.querySelector(".home") !== null) return;
  drawnHome = key;
  const blocks =
    snapshot.home === null
      ? h("p", { class: "empty" }, "gantry has not published a Home tab for you yet.")
      : blockElements(snapshot.home.blocks, contextFor({ view: snapshot.home.id }, snapshot.home));
  fill(slots.scroll, h("div", { class: "home blocks" }, blocks));
}

/** What elements need to know and do: see elements.js. */
function contextFor(place, view) {
  const at = (block, element) => ({ ...place, block_id: block.block_id, action_id: element.action_id });
  return {
    view,
    get snapshot() {
      return snapshot;
    },
    confirm: (dialog) => askFor(find("dialog.confirm"), dialog),
    use: (element, block, chosen) => doAs({ act: "press", ...at(block, element), chosen }),
    set: (element, block, filled) => doAs({ act: "field", ...at(block, element), filled }),
    suggest: async (element, block, value) => (await doAs({ act: "suggest", ...at(block, element), value })) ?? [],
  };
}

/** Acts as the chosen person; what Slack itself refuses is shown for a while. */
async function doAs(body) {
  try {
    return await act({ as: ui.as, ...body });
  } catch (error) {
    showBanner(error instanceof Error ? error.message : String(error));
    setTimeout(hideBanner, 4_000);
    return undefined;
  }
}

function become(person) {
  ui.as = person.name;
  localStorage.setItem("as", person.name);
  list.forget();
  drawnHome = "";
  void refresh();
}

function goTo(place) {
  ui.place = place;
  ui.thread = "";
  toggleMenu(false);
  slots.scroll.replaceChildren();
  if (place === "home") void doAs({ act: "home" });
  draw();
  slots.scroll.scrollTop = slots.scroll.scrollHeight;
  if (place !== "home") composer.focus();
}

function openThread(ts) {
  ui.thread = ts;
  draw();
  if (ts !== "") threadComposer.focus();
}

function unread(channelId) {
  const seen = lastSeen.get(`${ui.as}/${channelId}`) ?? "";
  return snapshot.messages.filter(
    (message) => message.channel === channelId && message.ts > seen && message.author.id !== snapshot.me.id,
  ).length;
}

let followed = false;

/** A permalink's message is brought into view once. */
function followLink() {
  if (followed || linkedTs === undefined) return;
  const target = slots.scroll.querySelector(`[data-ts="${CSS.escape(linkedTs)}"]`);
  if (target === null) return;
  followed = true;
  target.classList.add("linked");
  target.scrollIntoView({ block: "center" });
}

function toggleMenu(open = !document.body.classList.contains("menu-open")) {
  document.body.classList.toggle("menu-open", open);
  find("button.menu").setAttribute("aria-expanded", String(open));
}

function showBanner(text) {
  slots.banner.textContent = text;
  slots.banner.hidden = false;
}

function hideBanner() {
  slots.banner.hidden = true;
}
