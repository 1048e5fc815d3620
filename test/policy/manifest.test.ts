import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { botScopes, commandScope, eventScopes, methodScopes, slashCommands } from "../../src/slack/scopes.ts";

type Manifest = {
  readonly display_information: { readonly name: string; readonly description: string; readonly background_color: string };
  readonly features: {
    readonly app_home: Record<string, boolean>;
    readonly bot_user: { readonly display_name: string };
    readonly slash_commands: readonly {
      readonly command: string;
      readonly description: string;
      readonly usage_hint: string;
      readonly should_escape: boolean;
      readonly url?: string;
    }[];
  };
  readonly oauth_config: { readonly scopes: { readonly bot: readonly string[]; readonly user?: readonly string[] } };
  readonly settings: {
    readonly event_subscriptions: { readonly bot_events: readonly string[] };
    readonly interactivity: { readonly is_enabled: boolean };
    readonly socket_mode_enabled: boolean;
    readonly org_deploy_enabled: boolean;
    readonly token_rotation_enabled: boolean;
  };
};

const root = new URL("../../", import.meta.url);
const manifest = parse(readFileSync(new URL("manifest.yml", root), "utf8")) as Manifest;
const sources = readdirSync(new URL("src/slack/", root))
  .filter((file) => file.endsWith(".ts") && file !== "scopes.ts")
  .map((file) => readFileSync(new URL(`src/slack/${file}`, root), "utf8"));

test("every command of the manifest has a listener, and every listener its command", () => {
  assert.deepEqual(manifest.features.slash_commands.map(({ command }) => command).sort(), [...slashCommands].sort());
});

test("every event subscribed to is handled, and every handled event subscribed to", () => {
  assert.deepEqual([...manifest.settings.event_subscriptions.bot_events].sort(), Object.keys(eventScopes).sort());
});

test("the scopes are exactly those that the called methods, the events and the commands need", () => {
  assert.deepEqual([...manifest.oauth_config.scopes.bot].sort(), [...botScopes]);
  assert.equal(manifest.oauth_config.scopes.user, undefined, "Gantry never acts as a person");
});

test("no scope lets Gantry read conversations, join them, or act as an administrator", () => {
  const tooMuch = /:history|:join|:manage|^admin|^identify|files:|chat:write\.|reactions:|^im:|^mpim:|^groups:|^channels:/;
  assert.deepEqual(
    manifest.oauth_config.scopes.bot.filter((scope) => tooMuch.test(scope)),
    [],
  );
});

test("every method in the table is called by the adapter, and no call goes past the table", () => {
  assert.ok(sources.length > 10, "the sources were found");
  const all = sources.join("\n");
  const called = [...all.matchAll(/\bcall(?:Now)?\("([a-zA-Z.]+)"/g)].map(([, method]) => method);
  assert.deepEqual([...new Set(called)].sort(), Object.keys(methodScopes).sort());
  // The one place where a method is sent takes its name from the table's type.
  assert.equal(all.match(/\.apiCall\(/g)?.length, 1);
  assert.doesNotMatch(all, /\b(?:client|app)\.(?:chat|views|users|conversations|reactions|files)\./);
});

test("a scope stands in the table only where Slack asks for it", () => {
  // From the method pages of docs.slack.dev; null: no scope.
  const documented: Record<keyof typeof methodScopes, string | null> = {
    "auth.test": null,
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "views.open": null,
    "views.publish": null,
  };
  assert.deepEqual(methodScopes, documented);
  assert.equal(commandScope, "commands");
});

test("buttons, forms, Home and Socket Mode are switched on; what Gantry cannot do is off", () => {
  const { settings, features } = manifest;
  assert.equal(settings.interactivity.is_enabled, true);
  assert.equal(settings.socket_mode_enabled, true);
  assert.equal(features.app_home["home_tab_enabled"], true);
  assert.equal(features.app_home["messages_tab_read_only_enabled"], true, "what is typed there is not read");
  assert.equal(settings.org_deploy_enabled, false);
  assert.equal(settings.token_rotation_enabled, false, "a plain bot token cannot be rotated by Bolt");
});

test("everything fits Slack's limits", () => {
  const { display_information: shown, features } = manifest;
  assert.ok(shown.name.length <= 35);
  assert.ok(shown.description.length <= 140, `${shown.description.length} characters`);
  assert.match(shown.background_color, /^#[0-9a-f]{6}$/);
  assert.ok(features.bot_user.display_name.length <= 80);
  assert.ok(features.slash_commands.length <= 50);
  for (const { command, description, usage_hint, should_escape, url } of features.slash_commands) {
    assert.match(command, /^\/[a-z][a-z0-9_-]{0,30}$/);
    assert.ok(description.length > 0 && description.length <= 140);
    assert.ok(usage_hint.length > 0 && usage_hint.length <= 140);
    assert.equal(should_escape, true);
    assert.equal(url, undefined, "Socket Mode needs no address");
  }
});
