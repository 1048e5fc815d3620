import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppDoor } from "../../src/app/door.ts";
import type { Answers, Delivery } from "../../src/app/ports.ts";
import { plainText } from "../../src/messages/words.ts";
import { createFrontDoor } from "../../src/server/front-door.ts";

const actor = { kind: "slack", id: "U0ANA", name: "ana" } as const;
const asked: Delivery = {
  key: "k1",
  meaning: null,
  actor,
  channel: "C1",
  threadTs: null,
  act: { kind: "command", text: "deploy api prod abc123" },
};

function scene() {
  const done: string[] = [];
  const told: string[] = [];
  const door = {
    accept: async () => {
      done.push("recorded");
      return "new" as const;
    },
    serve: async () => void done.push("served"),
  } as unknown as AppDoor;
  const answers: Answers = {
    privately: async (message) => void told.push(plainText(message)),
    openForm: async () => undefined,
  };
  return { done, told, door, answers, front: createFrontDoor() };
}

test("nothing is taken before there is anybody to take it", async () => {
  const { front } = scene();
  assert.equal(await front.accept(asked), "full");
});

test("an open door serves", async () => {
  const { front, door, answers, done } = scene();
  front.opensTo(door);
  await front.accept(asked);
  await front.serve(asked, answers);
  assert.deepEqual(done, ["recorded", "served"]);
});

test("while the server ends, what people ask is recorded for the next start, and they are told", async () => {
  const { front, door, answers, done, told } = scene();
  front.opensTo(door);
  front.stops();
  await front.accept(asked);
  await front.serve(asked, answers);
  assert.deepEqual(done, ["recorded"]);
  assert.match(told.join(), /is restarting\. This is recorded/);
  await front.serve({ ...asked, act: { kind: "home" } }, answers);
  assert.equal(told.length, 1, "nobody asked with words");
});
