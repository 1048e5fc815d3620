// A command that was accepted is done once or visibly not at all, also when the disk, Slack or the process fails around it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { changesState } from "../../commands/changes-state.ts";
import { commands } from "../../commands/index.ts";
import { type AppDoor, createDoor, type Reply } from "../../src/app/door.ts";
import { type Answers, ChatError, type Delivery } from "../../src/app/ports.ts";
import { refuse } from "../../src/core/reasons.ts";
import type { Message } from "../../src/messages/message.ts";
import { refusalMessage } from "../../src/messages/refusal.ts";
import { ana } from "../kit/rollouts.ts";
import { aClock, anApp, aStore, fakeChat, type OpenStore, settled, silent } from "./kit.ts";

const minutes = 60_000;
const lost = new ChatError({ kind: "retry", reason: "chat_unreachable", message: "Slack does not answer" });

function typed(text: string, key = text): Delivery {
  return { key, meaning: null, actor: ana, channel: "C0DEPLOYS", threadTs: null, act: { kind: "command", text } };
}

function says(text: string): Reply {
  return { kind: "private", message: { text, blocks: [] } };
}

/** Answers that reach the person, or do not. */
function answers(fault: Error | null = null): Answers & { readonly heard: Message[] } {
  const heard: Message[] = [];
  return {
    heard,
    async privately(message) {
      if (fault !== null) throw fault;
      heard.push(message);
    },
    openForm: async () => {
      throw lost;
    },
  };
}

/** A server's door with what it did, on a store that outlives it. */
function aServer(store: OpenStore, world: ReturnType<typeof aWorld>) {
  const done: string[] = [];
  const app = anApp({ store, clock: world.clock, chat: world.chat });
  let reply: Reply = says("You are not one of them.");
  let work: Promise<unknown> = Promise.resolve();
  const door: AppDoor = createDoor({
    store,
    clock: world.clock,
    log: silent,
    chat: world.chat,
    async dispatch({ act }) {
      done.push(act.kind === "command" ? act.text : act.kind);
      await work;
      return reply;
    },
    home: () => ({ blocks: [] }),
    faultMessage: (id) => refusalMessage(refuse("internal", id)),
    newId: () => "id",
    changesState: (delivery) => changesState(delivery, commands),
    outboxChanged: () => app.outbox.nudge(),
  });
  return {
    done,
    door,
    replies(next: Reply) {
      reply = next;
    },
    until(promise: Promise<unknown>) {
      work = promise;
    },
  };
}

function aWorld() {
  return { ...aClock(), chat: fakeChat() };
}

/** Every transaction fails as on a full disk, until the returned function is called. */
function fillDisk(store: OpenStore): () => void {
  const { transact } = store;
  const full = () => {
    throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
  };
  Object.assign(store, { transact: full });
  return () => void Object.assign(store, { transact });
}

test("a rollback whose outcome met a full disk is written down when there is room, and not done again", async () => {
  const store = aStore();
  const world = aWorld();
  const first = aServer(store, world);
  const rollback = typed("rollback api prod --now");
  await first.door.accept(rollback);
  const free = fillDisk(store);
  await first.door.serve(rollback, answers());
  await settled();
  free();
  await world.passes(10_000);
  assert.equal(store.inbox.open().length, 0);
  const second = aServer(store, world);
  await second.door.recover();
  assert.deepEqual([first.done, second.done], [["rollback api prod --now"], []]);
});

test("an outcome of the last moment is written before the store is closed", async () => {
  const store = aStore();
  const world = aWorld();
  const { door } = aServer(store, world);
  await door.accept(typed("approve 1"));
  await door.serve(typed("approve 1"), answers());
  door.close();
  assert.equal(store.inbox.open().length, 0);
});

test("a start takes up what the server before it left, and nothing that came since", async () => {
  const store = aStore();
  const world = aWorld();
  await aServer(store, world).door.accept(typed("deploy api staging abc1234"));
  const next = aServer(store, world);
  const under = Promise.withResolvers<void>();
  await next.door.accept(typed("rollback api prod --now"));
  next.until(under.promise);
  const serving = next.door.serve(typed("rollback api prod --now"), answers());
  await settled();
  const recovering = next.door.recover();
  await settled();
  under.resolve();
  await Promise.all([serving, recovering]);
  assert.deepEqual(next.done, ["rollback api prod --now", "deploy api staging abc1234"]);
});

/** Hangs up in the moment after the person has heard it: as a process that is killed there. */
function heardAndKilled(): Answers & { readonly heard: Message[] } {
  const all = answers();
  return { ...all, privately: (message) => all.privately(message).then(() => new Promise(() => {})) };
}

test("whoever was told no is told no again after a crash, also when it would be allowed by then", async () => {
  const store = aStore();
  const world = aWorld();
  const first = aServer(store, world);
  const told = heardAndKilled();
  await first.door.accept(typed("rollback api prod --now"));
  void first.door.serve(typed("rollback api prod --now"), told);
  await settled();
  assert.deepEqual(
    told.heard.map(({ text }) => text),
    ["You are not one of them."],
  );
  const second = aServer(store, world);
  second.replies(says("Going back."));
  await second.door.recover();
  await settled();
  assert.deepEqual([first.done, second.done], [["rollback api prod --now"], []], "done once");
  assert.deepEqual(
    world.chat.told.map(({ message }) => message.text),
    ["You are not one of them."],
  );
  assert.equal(store.inbox.open().length, 0);
});

test("a terminal's answer is on the disk before it is given", async () => {
  const store = aStore();
  const world = aWorld();
  const first = aServer(store, world);
  await first.door.ask(typed("rollback api prod --now"));
  const second = aServer(store, world);
  await second.door.recover();
  assert.deepEqual(second.done, []);
});

test("a command that never ends is answered after its lease, and holds up nobody behind it", async () => {
  const store = aStore();
  const world = aWorld();
  const before = aServer(store, world);
  await before.door.accept(typed("deploy api prod abc1234"));
  await before.door.accept(typed("rollback api prod --now"));
  const { door, done, until } = aServer(store, world);
  until(new Promise(() => {}));
  void door.recover();
  await settled();
  assert.deepEqual(done, ["deploy api prod abc1234"]);
  until(Promise.resolve());
  await world.passes(2 * minutes);
  assert.deepEqual(done, ["deploy api prod abc1234", "rollback api prod --now"]);
  assert.match(world.chat.told[0]?.message.text ?? "", /has not come to an end within 2 min; it may still\.\nLook at/);
  assert.equal(store.inbox.open().length, 0);
});

test("a no that cannot be recorded is not told: the next life might say yes", async () => {
  const store = aStore();
  const world = aWorld();
  const { door, replies } = aServer(store, world);
  const told = answers();
  replies({ kind: "private", message: { text: "You are not one of them.", blocks: [] }, refused: true });
  await door.accept(typed("rollback api prod --now"));
  fillDisk(store);
  await door.serve(typed("rollback api prod --now"), told);
  assert.match(
    told.heard[0]?.text ?? "",
    /could not record what comes of this[\s\S]*restarted within 10 min, it tries again[\s\S]*Reason: store_unwritable$/,
  );
});

test("what only looks is looked at again after a crash", async () => {
  const store = aStore();
  const world = aWorld();
  const first = aServer(store, world);
  await first.door.accept(typed("status"));
  void first.door.serve(typed("status"), heardAndKilled());
  await settled();
  const second = aServer(store, world);
  await second.door.recover();
  assert.deepEqual(second.done, ["status"]);
});

test("what is settled in the moment of the end is not told by a desk that cannot record it", async () => {
  const store = aStore();
  const world = aWorld();
  const { door } = aServer(store, world);
  const told = answers();
  await door.accept(typed("approve 1"));
  const serving = door.serve(typed("approve 1"), told);
  door.close();
  await serving;
  assert.deepEqual([told.heard, store.inbox.open().length], [[], 1]);
});

test("what is older than ten minutes is not done; the person is told to type it again", async () => {
  const store = aStore();
  const world = aWorld();
  const { door } = aServer(store, world);
  await door.accept(typed("rollback api prod --now"));
  await world.passes(9 * minutes);
  await door.accept(typed("deploy api prod abc1234"));
  await world.passes(2 * minutes);
  const next = aServer(store, world);
  await next.door.recover();
  await settled();
  assert.deepEqual(next.done, ["deploy api prod abc1234"]);
  const [tooLate] = world.chat.told;
  assert.equal(tooLate?.user, ana.id);
  assert.match(tooLate?.message.text ?? "", /^Your `rollback api prod --now` was not done: .* 11 min ago\.\n.*type it again/);
  assert.match(tooLate?.message.text ?? "", /Reason: too_late$/);
  assert.equal(store.inbox.open().length, 0);
});

test("a refusal that could not be told is told when Slack is back", async () => {
  const store = aStore();
  const world = aWorld();
  const { door } = aServer(store, world);
  world.chat.fault = lost;
  await door.accept(typed("rollback api prod --now"));
  await door.serve(typed("rollback api prod --now"), answers(lost));
  await world.passes(5_000);
  world.chat.fault = null;
  await world.passes(5 * minutes);
  assert.deepEqual(
    world.chat.told.map(({ user, message }) => [user, message.text]),
    [[ana.id, "You are not one of them."]],
  );
});

test("a command taken up while Slack is down is not refused in silence", async () => {
  const store = aStore();
  const world = aWorld();
  await aServer(store, world).door.accept(typed("approve 7"));
  world.chat.fault = lost;
  await aServer(store, world).door.recover();
  await world.passes(1_000);
  world.chat.fault = null;
  await world.passes(5 * minutes);
  assert.deepEqual(
    world.chat.told.map(({ message }) => message.text),
    ["You are not one of them."],
  );
});

test("what somebody only wanted to look at is not told hours later", async () => {
  const store = aStore();
  const world = aWorld();
  const { door } = aServer(store, world);
  await door.accept(typed("status"));
  await door.serve(typed("status"), answers(lost));
  await world.passes(5 * minutes);
  assert.deepEqual(world.chat.told, []);
  assert.deepEqual(store.db.prepare("select outcome from inbox").pluck().all(), ["answer lost"]);
});

test("the CLI is told store_unwritable when the command cannot be recorded, and nothing happens", async () => {
  const store = aStore();
  const world = aWorld();
  const { door, done } = aServer(store, world);
  fillDisk(store);
  const reply = await door.ask(typed("deploy api prod abc1234"));
  assert.match(reply?.kind === "private" ? reply.message.text : "", /nothing will happen[\s\S]*Reason: store_unwritable$/);
  assert.deepEqual(done, []);
});

test("a disk that fills up in the middle of a command is store_unwritable too, not a fault of Gantry", async () => {
  const store = aStore();
  const world = aWorld();
  const { door, until } = aServer(store, world);
  const full = Promise.reject(Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" }));
  full.catch(() => {});
  until(full);
  const reply = await door.ask(typed("deploy api prod abc1234"));
  assert.match(reply?.kind === "private" ? reply.message.text : "", /Reason: store_unwritable$/);
});

test("a command that ends the process each time it is begun is given up in the end, and the person is told", async () => {
  const store = aStore();
  const world = aWorld();
  const first = aServer(store, world);
  await first.door.accept(typed("deploy api prod abc1234"));
  for (const life of [1, 2]) {
    const server = aServer(store, world);
    server.until(new Promise(() => {}));
    void server.door.recover();
    await settled();
    assert.deepEqual(server.done, ["deploy api prod abc1234"], `life ${life}`);
  }
  const last = aServer(store, world);
  await last.door.recover();
  await settled();
  assert.deepEqual(last.done, []);
  assert.match(world.chat.told[0]?.message.text ?? "", /begun 3 times, and Gantry ended each time; it is not begun again\./);
  assert.deepEqual(
    store.inbox.dead(10).map(({ delivery }) => delivery.key),
    [typed("deploy api prod abc1234").key],
  );
});
