// Who may, while Slack says who is in a group, and while it does not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createPeople } from "../../src/app/people.ts";
import { type Actor, type Chat, ChatError } from "../../src/app/ports.ts";
import { valid } from "../config/files.ts";

const hourMs = 3_600_000;
const eva: Actor = { kind: "slack", id: "U0EVA", name: "eva" };
const ana: Actor = { kind: "slack", id: "U0ANA", name: "ana" };
const root: Actor = { kind: "local", id: "root", name: "root" };
const gantry = [
  "people:",
  "  deployers: { users: [U0ANA], local: [root] }",
  "  oncall: { groups: [S0ONCALL], users: [U0BO] }",
].join("\n");

function aTeam() {
  const team = { now: 0, members: ["U0EVA"], isDown: false, asked: 0 };
  const groupMembers: Chat["groupMembers"] = async (_group, options) => {
    assert.equal(options?.fresh, true, "an old answer is not good enough for an act");
    team.asked += 1;
    if (team.isDown) throw new ChatError({ kind: "retry", reason: "chat_unreachable", message: "no answer" });
    return team.members;
  };
  const chat = { groupMembers } as Partial<Chat> as Chat;
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const clock = { now: () => team.now, mono: () => team.now, wakeAt: () => () => {}, soon() {} };
  const people = createPeople({ config: valid({ gantry }), chat, clock, log });
  const asks = (actor: Actor) => people.refusal({ actor, roles: ["oncall"], what: "roll back api prod" });
  return { team, people, asks };
}

test("who left the group a moment ago may no more", async () => {
  const { team, asks } = aTeam();
  assert.equal(await asks(eva), null);
  team.members = ["U0ZED"];
  assert.deepEqual(await asks(eva), {
    reason: "not_allowed",
    text: "Only oncall may roll back api prod; you are not one of them.",
    next: "Ask someone of oncall.",
  });
});

test("while Slack does not answer, who was on call within a day still is", async () => {
  const { team, asks } = aTeam();
  await asks(eva);
  team.isDown = true;
  team.now += 23 * hourMs;
  assert.equal(await asks(eva), null);
  assert.equal((await asks(ana))?.reason, "not_allowed", "and who was not, is not");
  team.now += 2 * hourMs;
  assert.equal((await asks(eva))?.reason, "chat_unreachable");
});

test("on call is known before anybody asked, when Slack could be asked at the start", async () => {
  const { team, people, asks } = aTeam();
  await people.refresh();
  team.isDown = true;
  assert.equal(await asks(eva), null);
});

test("while nobody can tell, Gantry says so and names the CLI; it does not say that they are not one of them", async () => {
  const { team, asks } = aTeam();
  team.isDown = true;
  assert.deepEqual(await asks(eva), {
    reason: "chat_unreachable",
    text: "Only oncall may roll back api prod, and Slack does not say now who that is.",
    next: "Try again in a moment, or type the same to the CLI on the server: `gantry …`; it needs no Slack.",
  });
  assert.equal((await asks(root))?.reason, "not_allowed", "a terminal needs no Slack to be known");
});

test("whoever is named by themselves is not asked about", async () => {
  const { team, people } = aTeam();
  assert.equal(await people.refusal({ actor: ana, roles: ["deployers", "oncall"], what: "cancel" }), null);
  assert.equal(team.asked, 0);
});

test("people are counted once, without those who are out, and a name at a terminal may be one of Slack; when nobody can tell, there is no count", async () => {
  const { team, people } = aTeam();
  const count = (out: string) => people.count(["deployers", "oncall"], (person) => person.id === out);
  team.members = ["U0EVA", "U0BO", "U0ANA"];
  assert.equal(await count(""), 3);
  assert.equal(await count("U0ANA"), 2);
  team.isDown = true;
  assert.equal(await count("root"), 3, "as it was known");
  team.now += 25 * hourMs;
  assert.equal(await count("root"), null);
});
