/** Modals and Home tabs: how they are made, changed, and shown to the app. */
import { assertView, withBlockIds } from "./block-rules.ts";
import { APP_ID, BOT_ID, type SlackState, TEAM } from "./state.ts";
import type { JsonObject, StoredView } from "./types.ts";
import { initialValues } from "./view-values.ts";

type MakeFacts = {
  readonly state: SlackState;
  readonly body: JsonObject;
  readonly type: "modal" | "home";
  readonly user: string;
  /** The view below it in the stack. */
  readonly previous: StoredView | null;
};

/** Throws ApiError when the body breaks Slack's rules. */
export function makeView(facts: MakeFacts): StoredView {
  assertView(facts.body, facts.type);
  const id = facts.state.ids.next("V");
  const blocks = blocksOf(facts.body);
  return {
    id,
    user: facts.user,
    type: facts.type,
    rootId: facts.previous?.rootId ?? id,
    previousId: facts.previous?.id ?? null,
    externalId: text(facts.body["external_id"]),
    body: facts.body,
    hash: newHash(facts.state),
    blocks,
    values: initialValues(blocks),
    errors: {},
  };
}

/** Replaces the contents. What was typed into a block stays when its block_id and action_id stay. Throws ApiError. */
export function updateView(facts: { state: SlackState; view: StoredView; body: JsonObject }): void {
  const { state, view, body } = facts;
  assertView(body, view.type);
  const blocks = blocksOf(body);
  const fresh = initialValues(blocks);
  for (const [blockId, actions] of Object.entries(fresh)) {
    for (const actionId of Object.keys(actions)) {
      const typed = view.values[blockId]?.[actionId];
      if (typed !== undefined) actions[actionId] = typed;
    }
  }
  view.body = body;
  view.blocks = blocks;
  view.values = fresh;
  view.errors = {};
  view.hash = newHash(state);
  state.changed();
}

/** The view as the API and payloads show it. */
export function viewJson(view: StoredView): JsonObject {
  return {
    id: view.id,
    team_id: TEAM.id,
    type: view.type,
    blocks: view.blocks,
    private_metadata: text(view.body["private_metadata"]),
    callback_id: text(view.body["callback_id"]),
    external_id: view.externalId,
    state: { values: view.values },
    hash: view.hash,
    clear_on_close: view.body["clear_on_close"] === true,
    notify_on_close: view.body["notify_on_close"] === true,
    title: view.body["title"] ?? { type: "plain_text", text: "View Title", emoji: true },
    close: view.body["close"] ?? null,
    submit: view.body["submit"] ?? null,
    previous_view_id: view.previousId,
    root_view_id: view.rootId,
    app_id: APP_ID,
    app_installed_team_id: TEAM.id,
    bot_id: BOT_ID,
  };
}

function blocksOf(body: JsonObject): StoredView["blocks"] {
  return withBlockIds((body["blocks"] ?? []) as StoredView["blocks"]);
}

function newHash(state: SlackState): string {
  return `${Math.floor(state.clock.now() / 1000)}.${state.ids.secret().slice(0, 8)}`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
