import assert from "node:assert/strict";
import { test } from "node:test";
import type { SecretUse } from "../../src/core/release.ts";
import { folderOf, goodGantry, sayOf, saysOfGantry } from "./files.ts";

const providers = [
  "secrets:",
  "  db: { file: /etc/gantry/db }",
  "  prod/db: { command: [vault, read, db] }",
  "  stripe: { environment: STRIPE }",
];

function file(parts: { top?: string[]; api?: string[]; worker?: string[]; block?: string[] }): string {
  const indented = (spaces: number, lines: readonly string[] = []) => lines.map((line) => " ".repeat(spaces) + line);
  return [
    "name: api",
    "services:",
    "  api:",
    "    image: registry.example.com/api",
    ...indented(4, parts.api),
    ...(parts.worker === undefined ? [] : ["  worker:", "    image: registry.example.com/api", ...indented(4, parts.worker)]),
    ...(parts.top ?? []),
    "x-gantry:",
    "  environments:",
    "    staging: { hosts: { env: staging } }",
    "    prod: { after: staging, hosts: { env: prod } }",
    ...indented(2, parts.block),
  ].join("\n");
}

function says(text: string, gantry = [goodGantry, ...providers].join("\n")): readonly string[] {
  return sayOf(folderOf({ "gantry.yml": gantry, "services/api.yml": text })).lines;
}

function usesOf(text: string, member?: string): readonly SecretUse[] {
  const { lines, loaded } = sayOf(folderOf({ "gantry.yml": [goodGantry, ...providers].join("\n"), "services/api.yml": text }));
  assert.deepEqual(lines, []);
  const spec = loaded.ok ? loaded.config.services[0]?.spec : undefined;
  const container = member === undefined ? spec?.container : spec?.supporting?.find((one) => one.name === member)?.container;
  return container?.secrets ?? [];
}

test("Compose's own form is enough: a file of the hosts, or the server's secret of that name", () => {
  const uses = usesOf(
    file({
      top: ["secrets:", "  cert: { file: ./cert.pem }", "  db: { external: true }", "  pay: { environment: PAY, name: stripe }"],
      api: [
        "secrets:",
        "  - cert",
        "  - { source: db, target: /app/db, uid: 1000, gid: 1001, mode: 0400 }",
        "  - { source: pay, target: keys/pay }",
      ],
    }),
  );
  assert.deepEqual(uses, [
    {
      name: "cert",
      from: { kind: "host", path: "./cert.pem" },
      to: { kind: "file", target: "/run/secrets/cert", uid: 0, gid: 0, mode: 0o444 },
    },
    {
      name: "db",
      from: { kind: "server", name: "db" },
      to: { kind: "file", target: "/app/db", uid: 1000, gid: 1001, mode: 0o400 },
    },
    {
      name: "pay",
      from: { kind: "server", name: "stripe" },
      to: { kind: "file", target: "/run/secrets/keys/pay", uid: 0, gid: 0, mode: 0o444 },
    },
  ]);
});

test("x-gantry says where hosts have a secret from, and which are variables of which containers", () => {
  const text = file({
    top: ["secrets:", "  db: { file: ./laptop/db }"],
    api: ["secrets: [db]"],
    worker: [],
    block: [
      "secrets:",
      "  db: { server: db }",
      "  stripe: { server: stripe, variable: STRIPE_KEY }",
      "  token: { hostFile: token, variable: TOKEN, containers: [api, worker] }",
    ],
  });
  assert.deepEqual(usesOf(text), [
    {
      name: "db",
      from: { kind: "server", name: "db" },
      to: { kind: "file", target: "/run/secrets/db", uid: 0, gid: 0, mode: 0o444 },
    },
    { name: "stripe", from: { kind: "server", name: "stripe" }, to: { kind: "variable", variable: "STRIPE_KEY" } },
    { name: "token", from: { kind: "host", path: "token" }, to: { kind: "variable", variable: "TOKEN" } },
  ]);
  assert.deepEqual(
    usesOf(text, "worker").map(({ name }) => name),
    ["token"],
  );
});

test("what cannot be meant is said with its place", async (t) => {
  const cases: readonly [string, string, ...string[]][] = [
    [
      "not declared",
      file({ top: ["secrets: { db: { external: true } }"], api: ["secrets: [dbb]"] }),
      'services/api.yml:5:15 the secret "dbb" is not declared; did you mean "db"?',
    ],
    [
      "from two places",
      file({ top: ["secrets:", "  db: { file: ./db, external: true }"] }),
      "services/api.yml:6:7 a secret that comes from several places; write one of file, environment, or external: true",
    ],
    [
      "not known to the server",
      file({ top: ["secrets: { dv: { external: true } }"], api: ["secrets: [dv]"] }),
      'services/api.yml:6:12 gantry.yml has no secret "dv" for api in staging, prod; did you mean "db"?',
    ],
    [
      "a variable twice",
      file({
        api: ["environment: { STRIPE_KEY: /x }"],
        block: ["secrets: { stripe: { server: stripe, variable: STRIPE_KEY } }"],
      }),
      "services/api.yml:10:14 STRIPE_KEY stands under environment of api, too; remove it there",
    ],
    [
      "for nobody",
      file({ block: ["secrets: { db: { server: db } }"] }),
      'services/api.yml:9:14 no container gets the secret "db"; write variable:, or declare it under secrets at the top',
    ],
    [
      "from nowhere",
      file({ block: ["secrets: { db: { variable: DB } }"] }),
      'services/api.yml:9:14 it is open where the secret "db" comes from; write server: or hostFile:',
    ],
    [
      "a container that is not there",
      file({ block: ["secrets: { db: { server: db, variable: DB, containers: [wrk] } }"] }),
      'services/api.yml:9:14 there is no compose service "wrk"; name one of api',
    ],
    [
      "rights that are no octal",
      file({ top: ["secrets: { db: { external: true } }"], api: ["secrets: [{ source: db, mode: 292 }]"] }),
      'services/api.yml:5:35 "292" is not rights in octal; write a 0 and three octal digits, such as 0440',
    ],
    [
      "a way out of the folder",
      file({ top: ["secrets: { db: { file: ../../shadow } }"], api: ["secrets: [db]"] }),
      "services/api.yml:6:24 \"../../shadow\" cannot be a secret's file; write a path on the hosts, absolute or relative to the agent's folder of secrets, without .. and ~",
    ],
  ];
  for (const [name, text, ...lines] of cases) await t.test(name, () => assert.deepEqual(says(text), lines));
});

test("a secret of the server may be for some services, and for one environment", () => {
  const ask = file({ block: ["secrets: { key: { server: key, variable: KEY } }"] });
  const with_ = (...lines: string[]) => says(ask, [goodGantry, "secrets:", ...lines].join("\n"));
  assert.deepEqual(with_("  prod/key: { file: /a }", "  staging/key: { file: /b }"), []);
  const none = (where: string) => [
    `services/api.yml:9:14 gantry.yml has no secret "key" for api in ${where}; add it under secrets of gantry.yml`,
  ];
  assert.deepEqual(with_("  prod/key: { file: /a }"), none("staging"));
  assert.deepEqual(with_("  key: { file: /a, services: [web] }"), none("staging, prod"));
});

test("gantry.yml says where the server reads a secret", () => {
  assert.deepEqual(saysOfGantry("secrets: { db: { file: db } }"), [
    '1:24 "db" is not an absolute path; write the whole path of a file on the server',
  ]);
  assert.deepEqual(saysOfGantry("secrets: { db: {} }"), [
    "1:16 a secret that comes from nowhere; write one of file, environment or command",
  ]);
  assert.deepEqual(saysOfGantry("secrets: { a/b/c: { environment: A } }"), [
    '1:12 "a/b/c" cannot be a secret\'s name; write a name, or <environment>/<name>, such as prod/db',
  ]);
});
