// What an operator reads before and after an adoption.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AdoptReport } from "../../src/app/adopt.ts";
import { doneText, previewText } from "../../src/cli/adopt-text.ts";

const slot = { service: "api", environment: "prod", release: 5, generation: 9, told: true, note: null } as const;

const report: AdoptReport = {
  epoch: 3,
  hosts: [
    { host: "web-1", slots: [slot] },
    { host: "web-2", slots: [{ ...slot, release: 7, told: false, note: "r5 is another build here" }] },
    { host: "web-3", slots: [{ ...slot, release: null }] },
    { host: "web-4", slots: [] },
  ],
  away: ["web-5"],
  environments: [
    {
      service: "api",
      environment: "prod",
      live: 5,
      hosts: ["web-1"],
      others: [
        { host: "web-2", release: 7 },
        { host: "web-3", release: null },
      ],
      awaits: [],
    },
    { service: "api", environment: "staging", live: null, hosts: [], others: [], awaits: [] },
    { service: "web", environment: "prod", live: 2, hosts: [], others: [], awaits: ["web-7", "web-8"] },
    { service: "web", environment: "staging", live: 3, hosts: ["web-9"], others: [], awaits: [] },
  ],
  ended: [142, 143],
  trouble: ["web-6 says that it has obeyed epoch 9000000; revoke it and enrol it again"],
};

test("the dry run says host by host what is found, and what would follow", () => {
  const frozen = {
    reason: "server_behind",
    at: Date.UTC(2026, 10, 22, 10, 0),
    host: "web-1",
    detail: "web-1 has obeyed epoch 2.",
  } as const;
  assert.equal(
    previewText(frozen, report),
    `Gantry stands still since 2026-11-22 10:00 UTC: web-1 has obeyed epoch 2.

This would be taken for what should be. Nothing on any host is changed by it:

  web-1  api prod: r5
  web-2  api prod: r7, left as it is (r5 is another build here)
  web-3  api prod: nothing
  web-4: nothing
  Away, and taken in when they connect: web-5

api prod: r5 is live on 1 of 3; not on web-2 (r7), web-3 (nothing).
api staging: nothing is live.
web prod: no host was heard, so what is live is not known (r2 when this server last knew). The first of web-7, web-8 that connects and serves something says it; until then no host is given anything there. If none of them comes back: revoke them, or deploy.
web staging: r3 is live, on all 1.
Rollouts under way or in line would end as they are; nobody is sent back: #142, #143.
Not possible: web-6 says that it has obeyed epoch 9000000; revoke it and enrol it again.
Orders would go on under epoch 3.`,
  );
});

test("afterwards it names what is mixed, and who decides", () => {
  const text = doneText(report);
  assert.match(text, /^Adopted; the freeze is over\./);
  assert.match(
    text,
    /api prod is mixed\. Decide which release it should have: deploy it, or roll back; until then every host keeps its own\.$/,
  );
});

test("without any agent it says to wait", () => {
  const none = { ...report, hosts: [], environments: [], ended: [], trouble: [] };
  assert.match(doneText(none), /No agent has been heard yet\. Wait until the hosts are connected/);
});
