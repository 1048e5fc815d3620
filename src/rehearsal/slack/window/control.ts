/** What the window asks for, by exact place instead of by label. */
import type { Acts, Place } from "../acts.ts";
import { setField } from "../filling.ts";
import type { Forms } from "../forms.ts";
import type { SlackState } from "../state.ts";
import type { JsonObject, StoredView, User } from "../types.ts";
import { elementsOf, isObject } from "../view-values.ts";

type Parts = { readonly state: SlackState; readonly acts: Acts; readonly forms: Forms };
type Act = (body: JsonObject, facts: Parts & { user: User }) => Promise<unknown>;

const ACTS: Readonly<Record<string, Act>> = { say, press, field, suggest, submit, close, home };

/** `body`: `{act, as, …}`. Rejects with a sentence when it makes no sense. */
export async function performAct(body: JsonObject, parts: Parts): Promise<unknown> {
  const name = String(body["act"]);
  const act = Object.hasOwn(ACTS, name) ? ACTS[name] : undefined;
  const user = parts.state.user(String(body["as"]));
  if (act === undefined) throw new Error(`unknown act "${name}"`);
  if (user === undefined || user.isBot) throw new Error(`nobody called "${String(body["as"])}" can act here`);
  return await act(body, { ...parts, user });
}

async function say(body: JsonObject, { state, acts, user }: Parts & { user: User }): Promise<void> {
  const channel = state.channels.get(String(body["channel"]));
  const text = String(body["text"] ?? "").trim();
  if (channel === undefined || !channel.members.has(user.id)) throw new Error("you are not in that channel");
  if (text === "") throw new Error("there is nothing to say");
  const threadTs = typeof body["thread"] === "string" ? body["thread"] : null;
  await acts.say({ user, channel, text, threadTs });
}

/** A button (or an option chosen) on a message or in a view: `chosen` is what the element reports besides its ids. */
async function press(body: JsonObject, facts: Parts & { user: User }): Promise<void> {
  const place = placeOf(body, facts);
  const blocks = place.on === "view" ? place.view.blocks : place.message.blocks;
  const block = blocks.find((candidate) => candidate.block_id === body["block_id"]);
  const element =
    block === undefined ? undefined : elementsOf(block).find((candidate) => candidate.action_id === body["action_id"]);
  if (block === undefined || element === undefined) throw new Error("that element is gone");
  const chosen = isObject(body["chosen"]) ? body["chosen"] : {};
  const { type, text, value, style, action_id } = element;
  const own = type === "button" ? { text, value, ...(style === undefined ? {} : { style }) } : {};
  const action = { type, ...own, ...chosen, action_id, block_id: block.block_id };
  const label = isObject(text) ? String(text["text"]) : action_id;
  await facts.acts.press({ user: facts.user, place, action, label });
}

async function field(body: JsonObject, facts: Parts & { user: User }): Promise<void> {
  const view = viewOf(body, facts);
  const block = view.blocks.find((candidate) => candidate.block_id === body["block_id"]);
  const element =
    block === undefined ? undefined : elementsOf(block).find((candidate) => candidate.action_id === body["action_id"]);
  if (block === undefined || element === undefined || !isObject(body["filled"])) throw new Error("that field is gone");
  await setField({ ...facts, view, block, element, filled: { type: element.type, ...body["filled"] } });
}

async function suggest(body: JsonObject, facts: Parts & { user: User }): Promise<unknown> {
  return await facts.acts.suggest({
    user: facts.user,
    place: placeOf(body, facts),
    blockId: String(body["block_id"]),
    actionId: String(body["action_id"]),
    value: String(body["value"] ?? ""),
  });
}

async function submit(_: JsonObject, { forms, user }: Parts & { user: User }): Promise<void> {
  await forms.submit(user);
}

async function close(_: JsonObject, { forms, user }: Parts & { user: User }): Promise<void> {
  await forms.close(user);
}

async function home(_: JsonObject, { acts, user }: Parts & { user: User }): Promise<void> {
  await acts.openHome(user);
}

function placeOf(body: JsonObject, facts: Parts & { user: User }): Place {
  if (body["view"] !== undefined) return { on: "view", view: viewOf(body, facts) };
  const channel = facts.state.channels.get(String(body["channel"]));
  const message = facts.state.message({ channel: String(body["channel"]), ts: String(body["ts"]) });
  const isVisible = message?.ephemeralTo === null || message?.ephemeralTo === facts.user.id;
  if (channel === undefined || message === undefined || !isVisible) throw new Error("that message is gone");
  return { on: "message", channel, message };
}

function viewOf(body: JsonObject, facts: Parts & { user: User }): StoredView {
  const view = facts.state.view({ id: String(body["view"]) });
  if (view === undefined || view.user !== facts.user.id) throw new Error("that view is closed");
  return view;
}
