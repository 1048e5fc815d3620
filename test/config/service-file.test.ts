import assert from "node:assert/strict";
import { test } from "node:test";
import { goodService, saysOfService, withCompose, withGantry, withProd } from "./files.ts";
import { type Case, tell } from "./tell.ts";

test("the file as a whole", (t) =>
  tell(t, [
    ["a good one", goodService],
    [
      "a command word as name",
      goodService.replace("name: api", "name: rollback"),
      '1:7 "rollback" cannot be a service name: it means something else; choose another, such as rollback-1',
    ],
    [
      "capitals",
      goodService.replace("name: api", "name: API"),
      '1:7 "API" cannot be a service name; use 1 to 40 of a-z, 0-9 and -, beginning with a letter',
    ],
    [
      "a path as name",
      goodService.replace("name: api", "name: ../../etc"),
      '1:7 "../../etc" cannot be a service name; use 1 to 40 of a-z, 0-9 and -, beginning with a letter',
    ],
    [
      "a Cyrillic letter",
      goodService.replace("name: api", "name: арi"),
      '1:7 "арi" cannot be a service name; use 1 to 40 of a-z, 0-9 and -, beginning with a letter',
    ],
    [
      "a zero-width joiner",
      goodService.replace("name: api", "name: ap\u200di"),
      '1:7 "ap\\u200di" cannot be a service name; use 1 to 40 of a-z, 0-9 and -, beginning with a letter',
    ],
    [
      "no x-gantry",
      goodService.slice(0, goodService.indexOf("x-gantry")),
      "1:1 no x-gantry block; write x-gantry: with environments:",
    ],
    [
      "a misspelt x-gantry",
      goodService.replace("x-gantry", "x-gantri"),
      "1:1 no x-gantry block; write x-gantry: with environments:",
      '5:1 unknown key "x-gantri"; did you mean "x-gantry"?',
    ],
    [
      "no services",
      goodService.replace(/services:[\s\S]*?(?=x-gantry)/, ""),
      "1:1 no service; write services: with one service and its image",
    ],
    [
      "no image",
      goodService.replace("image: registry.example.com/api", "user: web"),
      "4:5 a service without image; write image: registry.example.com/name",
    ],
    ["Compose's version", `version: "3"\n${goodService}`, "1:1 version: Compose itself ignores it; remove it"],
    ["a duplicate key", `${goodService}\nname: web`, '9:1 the key "name" a second time (first on line 1); keep one of the two'],
    [
      "two documents",
      `${goodService}\n---\nname: web`,
      "9:1 a second YAML document in one file; one file per service: remove the `---` and what follows it",
    ],
    ["an anchor and its alias", goodService.replace("{ env: staging }", "&h { env: staging }").replace("{ env: prod }", "*h")],
    [
      "an alias without anchor",
      goodService.replace("{ env: prod }", "*h"),
      "8:36 the alias *h has no anchor before it; write &h where the value stands, above this line",
    ],
    [
      "an anchor in itself",
      `${goodService}\nx-a: &a [*a]`,
      "9:10 the alias *a has no anchor before it; write &a where the value stands, above this line",
    ],
    [
      "aliases of aliases of aliases",
      `${["x-a: &a [x, x, x, x, x, x, x, x, x]", ..."bcde".split("").map((name, at) => `x-${name}: &${name} [${`*${"abcd"[at]}, `.repeat(9)}]`)].join("\n")}\n${goodService}`,
      "4:26 the aliases stand for more than 5000 values; write the file with fewer aliases of aliases",
    ],
    ["a merge key", withCompose("<<: { user: root }")],
    ["a merge key of a text", withCompose("<<: root"), "5:5 << without a map; write <<: *name of a map, or a list of such names"],
    ["a fragment at the top", `x-logging: &logs { driver: local }\n${withCompose("logging: *logs", "x-owner: $team")}`],
    [
      "a mistake in a fragment, told where it stands",
      `x-logging: &logs { drver: local }\n${withCompose("logging: *logs")}`,
      '1:20 unknown key "drver"; did you mean "driver"?',
    ],
    [
      "x-gantry in a compose service",
      withCompose("x-gantry: {}"),
      "5:5 x-gantry: there is one for the whole file; write it at the top, beside services; what is about this container goes under supporting",
    ],
    [
      "include",
      `include: [other.yml]\n${goodService}`,
      "1:1 include: one file is one service, so that one rollout is about it; write the containers out here, or take them over by extends",
    ],
    [
      "a tag",
      goodService.replace("name: api", "name: !!js/function api"),
      "1:21 a tag (!!js/function); remove it: every value is read as written",
    ],
    ["tabs", goodService.replace("  api:", "\tapi:"), "3:1 YAML: tabs are not allowed as indentation; indent with spaces"],
    ["a NUL", `${goodService}\n# \0`, "9:3 a control character (U+0000); save the file as plain UTF-8 text"],
    ["UTF-16", Buffer.from(`\ufeff${goodService}`, "utf16le"), "1:1 the file is UTF-16; save it as UTF-8"],
    ["Latin-1", Buffer.from("name: caf\xe9", "latin1"), "1:1 the file is not UTF-8; save it as UTF-8"],
    ["a byte order mark", `\ufeff${goodService}`],
    ["Windows line ends", goodService.replaceAll("\n", "\r\n")],
    [
      "64 KiB and more",
      `${goodService}\n#${"x".repeat(65_536)}`,
      "1:1 the file is larger than 64 KiB; split it: one file per service",
    ],
    [
      "deep nesting",
      `a: ${"[".repeat(21)}`,
      "1:24 nested deeper than 20 levels; write it flat: no Gantry file needs more than 10 levels",
    ],
    [
      "deep nesting behind quotes",
      `a: ${'["]",'.repeat(2000)}`,
      "1:5004 more than 2000 brackets; write lists and maps over several lines",
    ],
    [
      "deep nesting of dashes",
      "- ".repeat(21),
      "1:1 nested deeper than 20 levels; write it flat: no Gantry file needs more than 10 levels",
    ],
    [
      "deep nesting of lines",
      Array.from({ length: 30 }, (_, at) => `${" ".repeat(at)}a:`).join("\n"),
      "22:22 nested deeper than 20 levels; write it flat: no Gantry file needs more than 10 levels",
    ],
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: Compose's variables look like JavaScript's
    [
      "a variable",
      withCompose("user: ${WHO}"),
      "5:11 the variable ${WHO}; write the value itself ($$ for a dollar sign); what differs per host belongs into an env_file",
    ],
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above
    [
      "a dollar sign alone",
      withCompose("labels: { price: $5 }"),
      "5:22 a dollar sign alone; write the value itself ($$ for a dollar sign); what differs per host belongs into an env_file",
    ],
  ]));

test("keys of x-gantry", (t) =>
  tell(
    t,
    (
      [
        ["repository: api", '15 "api" is not owner/name; write the GitHub repository as owner/name'],
        ["repository: acme/..", '15 "acme/.." is not owner/name; write the GitHub repository as owner/name'],
        ["tickets: { project: api }", '23 "api" is not a Jira project key; write the key in capitals, such as API'],
        ["release: apo", '12 release: there is no compose service "apo"; did you mean "api"?'],
        ["checks: [build]", "3 checks: it is not supported yet; remove it: the approver looks at the checks for now"],
        [
          "health: { http: 'http://169.254.169.254/' }",
          '19 "169.254.169.254" is not this host; write 127.0.0.1, localhost or [::1]: every agent asks its own host',
        ],
        [
          "health: { http: 'http://127.0.0.1.evil.com/' }",
          '19 "127.0.0.1.evil.com" is not this host; write 127.0.0.1, localhost or [::1]: every agent asks its own host',
        ],
        [
          "health: { http: 'http://127.0.0.1@evil.com/' }",
          '19 "http://127.0.0.1@evil.com/" is not a health address; write an address such as http://127.0.0.1:8080/healthz',
        ],
        [
          "health: { http: /healthz }",
          '19 "/healthz" is not a health address; write an address such as http://127.0.0.1:8080/healthz',
        ],
        ["health: { http: 'http://127.0.0.1:0/' }", "19 0 is not a port; write a number from 1 to 65535"],
        [
          "health: { http: 'http://127.0.0.1:65536/' }",
          '19 "http://127.0.0.1:65536/" is not a health address; write an address such as http://127.0.0.1:8080/healthz',
        ],
        [
          'health: { http: "http://127.0.0.1/\\r\\nHost: x" }',
          '19 "http://127.0.0.1/\\r\\nHost: x" is not a health address; write an address such as http://127.0.0.1:8080/healthz',
        ],
        [
          "health: https://127.0.0.1/",
          "11 https is not supported for health checks; write http: the check does not leave the host",
        ],
        ["health: { tcp: 10.0.0.1:80 }", '18 "10.0.0.1" is not this host; write 127.0.0.1, localhost, [::1] or the port alone'],
        ["health: { tcp: 80/udp }", '18 "80/udp" is not a TCP address; write a port, or host:port such as 127.0.0.1:8080'],
        [
          "health: { tcp: 80, http: 'http://localhost/' }",
          "11 more than one health check; keep one of http, tcp, command and container",
        ],
        ["health: { tcp: 80, deadline: 0s }", "32 0s is too short; write a duration from 1s to 24h"],
        [
          "health: { tcp: 80, deadline: 1e99s }",
          '32 "1e99s" is not a duration; write a number with its unit: 200ms, 30s, 5m, 1h or 1m30s',
        ],
        ["health: []", "11 a list here; write an address, container, none, or a map with http, tcp, command or container"],
      ] as const
    ).map(([line, said]): Case => [line, withGantry(line), `6:${said}`]),
  ));

test("a health check that cannot work is refused", () => {
  const disabled = withGantry("health: container").replace("x-gantry:", "    healthcheck: { disable: true }\nx-gantry:");
  assert.deepEqual(saysOfService(disabled), [
    "7:11 the container's healthcheck is disabled; write http or tcp, or remove disable: true",
  ]);
  for (const [network, where] of [
    ["none", "without network"],
    ["bridge", "on network_mode bridge"],
  ]) {
    const cutOff = withGantry("health: { tcp: 80 }").replace("x-gantry:", `    network_mode: ${network}\nx-gantry:`);
    assert.deepEqual(saysOfService(cutOff), [
      `7:11 a container ${where} cannot be asked over the host's network; write health: container, or network_mode: host`,
    ]);
  }
});

test("environments", (t) =>
  tell(
    t,
    (
      [
        ["{ after: staging }", "11 the environment prod has no hosts; write hosts: with labels, such as { env: prod }"],
        ["{ hosts: {} }", "20 no host label; write at least one, such as { env: prod }: without any, every host would match"],
        ["{ hosts: '*' }", "20 a text here; write a map of labels such as { env: prod }"],
        [
          "{ hosts: { env: 'prod-*' } }",
          `27 "prod-*" is not a label's value; use letters, digits, and . _ / - after the first: no patterns`,
        ],
        ["{ hosts: { e: p }, after: stagin }", '37 after: there is no environment "stagin"; did you mean "staging"?'],
        ["{ hosts: { e: p }, after: prod }", "37 after: prod would come after itself; let the first environment have no after"],
        [
          "{ hosts: { e: p }, approvals: { from: [captains] } }",
          '50 unknown role "captains"; add it under people in gantry.yml (there are deployers, oncall, release-captains)',
        ],
        [
          "{ hosts: { e: p }, approvals: { from: [release-captain] } }",
          '50 unknown role "release-captain"; did you mean "release-captains"?',
        ],
        [
          "{ hosts: { e: p }, approvals: { required: 1 } }",
          "41 approvals without `from`; name the roles that may approve, such as from: [release-captains]",
        ],
        [
          "{ hosts: { e: p }, approvals: { required: 2, from: [release-captains] } }",
          "62 release-captains has 1 of the 2 people to approve; put people into the role in gantry.yml, or require fewer",
        ],
        ["{ hosts: { e: p }, approvals: { required: 1, from: [] } }", "62 an empty list; write a list, or leave the key out"],
        [
          "{ hosts: { e: p }, deployers: [devs] }",
          '42 unknown role "devs"; add it under people in gantry.yml (there are deployers, oncall, release-captains)',
        ],
        [
          "{ hosts: { e: p }, rollout: { batch: 0 } }",
          "48 0 is out of bounds; write a number of hosts or a share from 1% to 100%",
        ],
        [
          "{ hosts: { e: p }, rollout: { batch: 101% } }",
          "48 101% is out of bounds; write a number of hosts or a share from 1% to 100%",
        ],
        [
          "{ hosts: { e: p }, rollout: { canary: 33.3% } }",
          '49 "33.3%" is not an amount of hosts; write a number of hosts (0 for none) or a share from 0% to 100%',
        ],
        [
          "{ hosts: { e: p }, rollout: { canary: -1 } }",
          '49 "-1" is not an amount of hosts; write a number of hosts (0 for none) or a share from 0% to 100%',
        ],
        [
          "{ hosts: { e: p }, rollout: { maxUnavailable: 0 } }",
          "57 0 is out of bounds; write a number of hosts or a share from 1% to 100%",
        ],
        [
          "{ hosts: { e: p }, rollout: { rollbackBatch: 0% } }",
          "56 0% is out of bounds; write a number of hosts or a share from 1% to 100%",
        ],
        ["{ hosts: { e: p }, rollout: { maxUnavailble: 1 } }", '41 unknown key "maxUnavailble"; did you mean "maxUnavailable"?'],
        [
          "{ hosts: { e: p }, rollout: { perHostDeadline: 70s } }",
          "58 perHostDeadline 70s is not longer than the health deadline and the stop grace period together; write more than 70s, or shorten those",
        ],
        [
          "{ hosts: { e: p }, rollout: { hostDeadline: 3m } }",
          "41 hostDeadline is called perHostDeadline; write perHostDeadline",
        ],
        [
          "{ hosts: { e: p }, rollout: { deadline: 2m } }",
          "51 deadline 2m is not longer than perHostDeadline 2m; write more than 2m, or shorten perHostDeadline",
        ],
        [
          "{ hosts: { e: p }, rollout: { canary: 1, batch: [1, 100%] } }",
          "49 canary beside a list of batches; remove canary: the first entry of the list is the canary",
        ],
        [
          "{ hosts: { e: p }, rollout: { batch: [1, 50%] } }",
          "48 the list of batches does not end at 100%; add 100% as its last entry",
        ],
        [
          "{ hosts: { e: p }, rollout: { batch: [3, 2, 100%] } }",
          "48 the list of batches does not rise at 2; each entry says how much of the fleet has the release by then, such as [1, 10%, 25%, 100%]",
        ],
        [
          "{ hosts: { e: p }, rollout: { batch: 50%, maxUnavailable: 25% } }",
          "69 maxUnavailable 25% is less than a batch of 50%; write at least 50%, or make the batches smaller",
        ],
        [
          "{ hosts: { e: p }, rollout: { onFailure: rolback } }",
          '52 "rolback" is not one of pause, restore, rollback; did you mean "rollback"?',
        ],
        [
          "{ hosts: { e: p }, rollout: { spread: { order: in-turn } } }",
          "49 spread without a label; write { label: zone, order: apart }",
        ],
      ] as const
    ).map(([prod, said]): Case => [prod, withProd(prod), `8:${said}`]),
  ));

test("names of environments", (t) =>
  tell(t, [
    [
      "a command word",
      goodService.replaceAll("staging", "all"),
      '7:5 "all" cannot be an environment name: it means something else; choose another, such as all-1',
      '8:20 "all" cannot be an environment name: it means something else; choose another, such as all-1',
    ],
    [
      "none",
      goodService.replace(/ {2}environments:[\s\S]*/, "  environments: {}"),
      "6:17 no environment; name at least one, such as prod: { hosts: { env: prod } }",
    ],
    [
      "left out",
      goodService.replace(/ {2}environments:[\s\S]*/, "  release: api"),
      "6:3 no environments; name at least one, such as environments: { prod: { hosts: { env: prod } } }",
    ],
    [
      "nothing under it",
      goodService.replace(/ {2}environments:[\s\S]*/, "  environments:"),
      "6:3 nothing here; write a map of environments",
    ],
    [
      "a circle of two",
      goodService.replace("{ hosts: { env: staging } }", "{ after: prod, hosts: { env: staging } }"),
      "7:23 after: staging would come after itself; let the first environment have no after",
      "8:20 after: prod would come after itself; let the first environment have no after",
    ],
  ]));

test("one pass finds what is wrong in every part of a file", () => {
  const text = withProd("{ hosts: { env: prod }, approvals: { from: [captains] }, rollout: { soak: 30 } }")
    .replace("    image: registry.example.com/api", "    image: registry.example.com/api:v1\n    prvileged: true")
    .replace("  environments:", "  health: https://x\n  environments:");
  assert.deepEqual(
    saysOfService(text).map((line) => line.split(" ")[0]),
    ["4:12", "5:5", "7:11", "10:55", "10:85"],
  );
});
