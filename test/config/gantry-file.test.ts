import assert from "node:assert/strict";
import { test } from "node:test";
import { folderOf, goodGantry, goodService, sayOf, saysOfGantry, valid, withProd } from "./files.ts";

const bad: readonly (readonly [string, string, ...string[]])[] = [
  ["a key with a typing error", "peple: {}", '1:1 unknown key "peple"; did you mean "people"?'],
  [
    "a key from nowhere",
    "colour: red",
    '1:1 unknown key "colour"; the keys here are services, people, registries, secrets, profiles, channel',
  ],
  [
    "a person by name",
    "people: { deployers: { users: [ana] } }",
    '1:32 "ana" is not a Slack member ID; write an ID such as U0ANA1B2C (in Slack: profile, ⋮, Copy member ID)',
  ],
  [
    "a group by name",
    "people: { deployers: { groups: ['@devs'] } }",
    '1:33 "@devs" is not a Slack user group ID; write an ID such as S0DEV1B2C (in Slack: People, User groups, ⋮)',
  ],
  ["yes for true", "people: { deployers: { everyone: yes } }", '1:34 "yes" is neither true nor false; write true or false'],
  [
    "a role of an impossible name",
    "people: { Captains: {} }",
    '1:11 "Captains" cannot be a role name; use 1 to 40 of a-z, 0-9 and -, beginning with a letter',
  ],
  [
    "a role that every object has",
    "people: { constructor: {} }",
    '1:11 "constructor" cannot be a role name: it means something else; choose another, such as constructor-1',
  ],
  [
    "__proto__",
    "people: { __proto__: { everyone: true } }",
    '1:11 "__proto__" cannot be a role name; use 1 to 40 of a-z, 0-9 and -, beginning with a letter',
  ],
  ["people as a list", "people: [U0ANA]", "1:9 a list here; write a map of roles"],
  ["people as nothing", "people:", "1:1 nothing here; write a map of roles"],
  [
    "a registry with a scheme",
    "registries: { 'https://registry.example.com': {} }",
    '1:15 "https://registry.example.com" is not a registry host; write host or host:port, in lower case, without a scheme',
  ],
  [
    "a mirror with a port that is none",
    "registries: { registry.example.com: { mirrors: ['m:70000'] } }",
    '1:49 "m:70000" is not a registry host; write host or host:port, in lower case, without a scheme',
  ],
  [
    "a channel by name",
    "channel: '#deploys'",
    '1:10 "#deploys" is not a Slack channel ID; write an ID such as C0DEPLOYS (in Slack: channel details, at the bottom)',
  ],
  [
    "a services folder that is not there",
    "services: ./srv",
    '1:11 the services folder "srv" does not exist; name the folder of the service files under services:',
  ],
  ["a list at the root", "- a", "1:1 a list here; write a map with services and people"],
  ["a text at the root", "hello", "1:1 a text here; write a map with services and people"],
  ["nothing at all", "", "1:1 the file is empty; look at the examples folder for the form"],
  ["only comments", "# one\n# two\n", "1:1 the file is empty; look at the examples folder for the form"],
];

test("gantry.yml is told what is wrong, where, and what would be right", async (t) => {
  for (const [name, text, ...lines] of bad) {
    await t.test(name, () => {
      const said = saysOfGantry(text).map((line) => line.replace(/"[^"]*\/srv"/, '"srv"'));
      assert.deepEqual(said, lines);
    });
  }
});

test("a folder without service files is named", () => {
  const folder = folderOf({ "gantry.yml": goodGantry, "services/README.md": "", "services/.api.yml": goodService });
  assert.match(
    sayOf(folder).lines.join("\n"),
    /^gantry.yml:1:1 no service file \(\*\.yml\) in ".*services"; put one there; examples\/services has some$/,
  );
});

test("errors of all files are told at once, gantry.yml first, then by place", () => {
  const folder = folderOf({
    "gantry.yml": "people: { deployers: { users: [ana] } }\ncolour: red",
    "services/api.yml": goodService.replace("image:", "imgae:"),
    "services/web.yml": withProd("{ hosts: {} }").replace("name: api", "name: web"),
  });
  const places = sayOf(folder).lines.map((line) => line.split(" ")[0]);
  assert.deepEqual(places, ["gantry.yml:1:32", "gantry.yml:2:1", "services/api.yml:4:5", "services/web.yml:8:20"]);
});

test("a broken role list does not make every role unknown", () => {
  const folder = folderOf({
    "gantry.yml": "people: { captains: { users: [bo] } }",
    "services/api.yml": withProd("{ hosts: { env: prod }, approvals: { from: [captains] } }"),
  });
  assert.deepEqual(sayOf(folder).lines.length, 1);
});

test("two services of one name are told apart by their files", () => {
  const folder = folderOf({ "gantry.yml": goodGantry, "services/a.yml": goodService, "services/b.yml": goodService });
  assert.match(
    sayOf(folder).lines.join("\n"),
    /^services\/b\.yml:1:7 the service "api" a second time \(first in .*a\.yml\); rename one of the two$/,
  );
});

test("what is left out has its default", () => {
  const config = valid({ gantry: "people:\n  captains:\nregistries:\n  registry.example.com:\n" });
  const nobody = { users: [], groups: [], local: [], everyone: false };
  assert.deepEqual(config.people, { deployers: nobody, oncall: nobody, captains: nobody });
  assert.deepEqual(config.registries, [{ host: "registry.example.com", mirrors: [], insecure: false }]);
  assert.equal(config.channel, null);
});

test("the services folder may be absolute, and one name does for a list of one", () => {
  const folder = folderOf({ "elsewhere/api.yaml": goodService });
  const gantry = `services: ${folder}/elsewhere\npeople: { oncall: { users: U0EVA, local: root, everyone: true } }\nchannel: C0DEPLOYS`;
  const config = valid({ gantry });
  assert.deepEqual(config.people["oncall"], { users: ["U0EVA"], groups: [], local: ["root"], everyone: true });
  assert.equal(config.channel, "C0DEPLOYS");
  assert.equal(config.services[0]?.file, `${folder}/elsewhere/api.yaml`);
});
