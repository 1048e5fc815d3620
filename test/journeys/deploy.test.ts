// Deploys as people live them: asked for, approved, swapped host by host, promoted, refused when there is nothing to do.
import assert from "node:assert/strict";
import { first, journey, newest, second, third } from "../kit/journey.ts";

journey("a deploy waits for an approver, then goes host by host, and says so on one card", async ({ ana, bo, ...j }) => {
  await j.makeLive("prod", first);
  await ana.says("/deploy api prod 3f2a1c9");
  const asked = await j.card("Waits for approval");
  assert.match(asked, /^api → prod #2/);
  assert.match(asked, /by release-captains, not the requester · expires /);
  assert.match(asked, /r1 1a4c9e2 → r2 3f2a1c9/);
  assert.match(asked, /3: first prod-1, then prod-2, prod-3/);
  assert.match(asked, /@ana .* as 3f2a1c9/);
  assert.deepEqual(j.buttons(), ["Approve", "Reject"]);
  await j.serves("prod", first);

  await bo.clicks("Approve", { confirm: true });
  const live = await j.card("Live");
  assert.match(live, /Live · on 3 hosts · took /);
  assert.match(live, /prod-1 healthy.*\n.*prod-2 healthy.*\n.*prod-3 healthy/);
  assert.match(live, /Approved by @bo/);
  assert.deepEqual(j.buttons(), ["Roll back"]);
  await j.serves("prod", second);
  assert.equal(j.cards(), 2, "one card for each rollout, edited in place");
  await j.told(ana, "api prod 3f2a1c9 #2", "Live · on 3 hosts");
  const log = await j.thread("Done: 3 hosts on r2");
  assert.match(
    log,
    /Asked for by @ana\.\n.*Approved by @bo \(1 of 1\)\.\n[\s\S]*Batch 1 of 2: prod-1\.\n.*prod-1 is healthy on r2/,
  );
  assert.match(log, /Batch 2 of 2: prod-2, prod-3\.[\s\S]*Soaks for/);
});

journey("where no approval is needed a deploy begins by itself", async ({ ana, ...j }) => {
  await ana.says("/deploy api staging b6f3e71");
  await j.card(/^api → staging #1\n.*Live · on 1 host/);
  await j.serves("staging", newest);
  await j.serves("prod", "nothing");
});

journey("staging's release is promoted to prod as it is, once it has soaked", async ({ ana, bo, ...j }) => {
  await ana.says("/promote api prod");
  await j.told(ana, "No release of api has soaked in staging", "Reason: nothing_to_promote");
  await j.makeLive("staging", second);
  await ana.says("/promote api from staging to prod");
  assert.match(await j.card("Waits for approval"), /^api → prod promote #2/);
  await bo.clicks("Approve");
  await j.card("Live");
  await j.serves("prod", second);
});

journey(
  "what staging still tries is not promoted",
  async ({ ana, clock, ...j }) => {
    await ana.says(`/deploy api staging ${second}`);
    await j.card("Soaking");
    await ana.says("/promote api staging prod");
    await j.told(ana, "api staging is busy with #1 (deploy of r1 by ana, soaking)", "`/gantry cancel 1`", "Reason: busy");
    await clock.passes(60_000);
    await j.card("Live");
    await ana.says("/promote api staging prod");
    await j.card("Waits for approval");
  },
  { service: { stagingSoak: "60s" } },
);

journey("prod warns of what has not soaked in staging", async ({ ana, ...j }) => {
  await ana.says(`/deploy api prod ${third}`);
  await j.card("r1 has not soaked in staging.");
});

journey(
  "a batch begins only after the one before has soaked",
  async ({ ana, bo, clock, ...j }) => {
    await ana.says(`/deploy api prod ${first}`);
    await j.card("Waits for approval");
    await bo.clicks("Approve");
    await j.card(/Soaking · batch 1 of 2 · until /);
    assert.deepEqual(j.serving("prod"), { "prod-1": first, "prod-2": "nothing", "prod-3": "nothing" });
    await clock.passes(9 * 60_000);
    assert.deepEqual(j.serving("prod"), { "prod-1": first, "prod-2": "nothing", "prod-3": "nothing" });
    await clock.passes(60_000);
    await j.card(/Soaking · batch 2 of 2/);
    await j.serves("prod", first);
    await clock.passes(10 * 60_000);
    await j.card("Live");
  },
  { service: { soak: "10m" } },
);

journey("the same release again is refused: it runs already", async ({ ana, ...j }) => {
  await j.makeLive("staging", first);
  await ana.says(`/deploy api staging ${first}`);
  await j.told(ana, "r1 (1a4c9e2) runs on every host of api staging already", "Nothing to do", "Reason: already_live");
  assert.equal(j.cards(), 1);
});

journey("a second deploy while one is active is told who, since when, and how to stop it", async ({ ana, bo, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  await bo.says(`/deploy api prod ${second}`);
  await j.told(
    bo,
    /api prod is busy with #1 \(deploy of r1 by ana, awaiting approval\) since \d\d:\d\d UTC/,
    "/gantry cancel 1",
    "Reason: busy",
  );
  assert.equal(j.cards(), 1);
});

journey("only deployers may ask", async ({ zed, ...j }) => {
  await zed.says(`/deploy api staging ${first}`);
  await j.told(
    zed,
    "Only deployers may deploy to api staging; you are not one of them",
    "Ask someone of deployers",
    "Reason: not_allowed",
  );
  assert.equal(j.cards(), 0);
  await j.serves("staging", "nothing");
});

journey(
  "an environment without hosts is refused, with the command that would give it one",
  async ({ ana, ...j }) => {
    await ana.says(`/deploy api prod ${first}`);
    await j.told(
      ana,
      "No enrolled host has the labels of api prod: env=prod",
      "gantry enroll --name NAME --label env=prod",
      "Reason: no_hosts",
    );
    assert.equal(j.cards(), 0);
  },
  { prod: 0 },
);

journey(
  "an environment that nobody could approve is refused at once",
  async ({ ana, ...j }) => {
    await ana.says(`/deploy api prod ${first}`);
    await j.told(
      ana,
      "api prod needs an approval by release-captains, and nobody besides you can give it",
      "gantry.yml",
      "Reason: no_approvers",
    );
    assert.equal(j.cards(), 0);
  },
  {
    service: {
      people: ["  deployers: { users: [U0ANA] }", "  release-captains: { groups: [S0NONE] }", "  oncall: { users: [U0EVA] }"],
    },
    slackSeed: { groups: [{ id: "S0NONE", handle: "captains", users: ["U0ANA"] }] },
  },
);

journey("a new host joins and gets the live release by itself", async (j) => {
  await j.makeLive("prod", first);
  await j.join("prod-9", "prod");
  await j.serves("prod", first);
  assert.equal(Object.keys(j.serving("prod")).length, 4);
  assert.equal(j.cards(), 1, "nobody had to ask");
});

journey("a first deploy that fails leaves nothing behind and says that nothing ran before", async ({ ana, ...j }) => {
  await ana.says("/deploy api staging 7c81f36");
  const card = await j.card("Failed, put back");
  assert.match(card, /Nothing ran before, and nothing runs again on all 1 host/);
  assert.match(card, /relation users_v2 does not exist/);
  await j.serves("staging", "nothing");
  await j.told(ana, "Failed, put back");
});
