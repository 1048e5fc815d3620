import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ContainerSpec } from "../../src/core/release.ts";
import { judgeOrder, type Place } from "../../src/executor/judge.ts";
import { canonicalRepository, judgeImage, type Policy, plainPolicy, refusalText } from "../../src/executor/policy.ts";
import { parsePolicy } from "../../src/executor/policy-file.ts";
import { orderOf } from "./kit/orders.ts";

const imageRef = `registry.example.com/team/api@sha256:${"a".repeat(64)}`;
const file = "/etc/gantry/policy.yaml";

/** What it says about an order that differs so; sources are where they say. */
function said(policy: Policy, spec: Partial<ContainerSpec>, at: Readonly<Record<string, Place>> = {}): string {
  const plain = (spec.volumes ?? []).map(({ source }) => [source, { path: source, trouble: null }] as const);
  const places = new Map<string, Place>([...plain, ...Object.entries(at)]);
  return refusalText(judgeOrder(orderOf({ imageRef }, spec), { policy, places }), policy);
}

const parsed = (text: string) => parsePolicy(file, text);
const bind = (source: string, readOnly = false): Partial<ContainerSpec> => ({ volumes: [{ source, target: "/x", readOnly }] });

describe("a policy", () => {
  const policy = parsed(
    [
      "# what this host runs",
      "images: [registry.example.com/team/**, mirror.example.com/team/*]",
      "binds:",
      "  - /srv/*",
      "  - /etc/ssl/certs:ro",
      "volumes: ['api_*']",
      "networks: [host, bridge]",
      'ports: ["8000-8099", 9100]',
      "root: true",
      "capabilities: [CAP_NET_ADMIN]",
      "memory: 2g",
      "logging: [json-file]",
      "runtimes: [runsc]",
    ].join("\n"),
  );
  const limited = { memoryBytes: 1024 ** 3 };

  it("allows what it names", () => {
    assert.equal(said(policy, limited), "");
    assert.equal(said(policy, { ...limited, ...bind("/srv/api") }), "");
    assert.equal(said(policy, { ...limited, ...bind("/etc/ssl/certs", true) }), "");
    const ports = [
      { target: 80, protocol: "tcp", published: "8000-8010" },
      { target: 80, protocol: "udp", published: "9100" },
    ] as const;
    assert.equal(said(policy, { ...limited, network: "bridge", ports }), "");
    assert.equal(said(policy, { ...limited, capAdd: ["net_admin", "CHOWN"], runtime: "runsc" }), "");
    const mounts = [{ kind: "volume", source: "api_data", target: "/data", readOnly: false }] as const;
    assert.equal(said(policy, { ...limited, mounts, tmpfs: ["/tmp:size=64m"] }), "");
  });

  it("refuses the rest, and says which line to change", () => {
    const cases: [Partial<ContainerSpec>, RegExp][] = [
      [bind("/opt/data"), /^the folder \/opt\/data is not allowed by `binds` \(line 3 of \/etc\/gantry\/policy.yaml\)$/],
      [bind("/srv/api/deep"), /`binds`/],
      [bind("/etc/ssl/certs"), /^writing to \/etc\/ssl\/certs is not allowed by `binds`/],
      [{ network: "none" }, /^the network none is not allowed by `networks` \(line 7/],
      [{ capAdd: ["SYS_NICE"] }, /^the capability SYS_NICE is not allowed by `capabilities` \(line 10/],
      [{ memoryBytes: null }, /^a container without a limit of memory is not allowed by `memory` \(line 11/],
      [{ memoryBytes: 0 }, /`memory`/],
      [{ memoryBytes: 3 * 1024 ** 3 }, /^3221225472 bytes of memory is not allowed by `memory`/],
      [{ logging: { driver: "local", options: {} } }, /`logging` \(line 12/],
      [{ runtime: "kata" }, /`runtimes` \(line 13/],
      [{ ports: [{ target: 80, protocol: "tcp", published: "8099-8100" }] }, /`ports` \(line 8/],
      [{ ports: [{ target: 80, protocol: "tcp", published: "" }] }, /^the port of the engine's choice is not allowed by `ports`/],
      [{ mounts: [{ kind: "volume", source: "postgres", target: "/x", readOnly: true }] }, /`volumes` \(line 6/],
    ];
    for (const [spec, expected] of cases) assert.match(said(policy, { ...limited, ...spec }), expected);
  });

  it("judges a folder by where it really is", () => {
    const elsewhere = { path: "/opt/data", trouble: null };
    const words = said(policy, { ...limited, ...bind("/srv/api") }, { "/srv/api": elsewhere });
    assert.match(words, /^the folder \/opt\/data, which is what \/srv\/api is here, is not allowed by `binds`/);
    const loose = { path: "/srv/api", trouble: "others than root can change what is in /srv" };
    assert.match(said(policy, { ...limited, ...bind("/srv/api") }, { "/srv/api": loose }), /no policy can allow that$/);
  });

  it("cannot allow what gives power over the host, however wide it is", () => {
    const wide = parsed("images: [registry.example.com/**]\nnetworks: [host]\nroot: true\nbinds: ['/*']\n");
    assert.equal(said(wide, bind("/opt")), "");
    for (const source of ["/etc", "/proc", "/run", "/var"])
      assert.match(said(wide, bind(source, true)), /^the folder .*: no policy can allow that$/, source);
  });

  it("takes an image by its digest only, also where no label says which", () => {
    const { labels, ...order } = orderOf({ imageRef });
    const { "gantry.digest": _digest, ...others } = labels;
    for (const reference of ["latest", "sha256:abc", `sha256:${"A".repeat(64)}`, `sha256:${"a".repeat(64)} `]) {
      const named = { ...order, labels: others, imageRef: `registry.example.com/team/api@${reference}` };
      const refusals = judgeOrder(named, { policy: { ...policy, memoryBytes: null }, places: new Map() });
      assert.match(refusalText(refusals, policy), /^an image without its digest/, reference);
    }
  });

  it("tells several faults at once", () => {
    const words = said(policy, { ...limited, network: "none", capAdd: ["SYS_ADMIN"] });
    assert.match(words, /the network none .*; the capability SYS_ADMIN: no policy can allow that/);
  });

  it("without root takes only users whose number says who they are", () => {
    const strict = parsed("images: [registry.example.com/**]\nnetworks: [host]\n");
    for (const user of [null, "", "root", "0", "0:0", "00", "admin", "+0", "0x0", " 0", "-1", "4294967296"]) {
      assert.match(said(strict, { user }), /who may be root, is not allowed by `root` \(no such key in/, String(user));
    }
    assert.equal(said(strict, { user: "1000:1000" }), "");
    assert.match(said(strict, { user: "1000", groupAdd: ["0"] }), /the group 0, who may be root,/);
  });

  it("allows nothing that a file does not name", () => {
    const words = said(parsed(""), {});
    assert.match(words, /the image registry.example.com\/team\/api is not allowed by `images` \(no such key in/);
    assert.match(words, /`networks`/);
  });

  it("that is not there knows the registries that root is logged in to, and little more", () => {
    const plain = plainPolicy(file, ["registry.example.com"]);
    assert.equal(said(plain, bind("/srv/api")), "");
    assert.equal(said(plain, bind("/etc/localtime", true)), "");
    assert.match(said(plain, bind("/opt/data")), /`binds` \(there is no \/etc\/gantry\/policy.yaml\)$/);
    assert.match(said(plainPolicy(file, []), {}), /`images` \(there is no/);
  });
});

describe("repositories", () => {
  const policy = parsed("images: [registry.example.com/team/**, mirror.example.com/*, docker.io/library/nginx]");
  const allowed = (repository: string) => judgeImage(repository, policy) === null;

  it("fit by their parts, not by their beginnings", () => {
    for (const good of [
      "registry.example.com/team/api",
      "registry.example.com/team/a/b",
      "mirror.example.com/api",
      "nginx",
      "docker.io/nginx",
      "index.docker.io/library/nginx",
    ])
      assert.ok(allowed(good), good);
    for (const bad of [
      "registry.example.com/team",
      "registry.example.com/teams/api",
      "registry.example.com.evil.com/team/api",
      "registry.example.com:5000/team/api",
      "evil.com/registry.example.com/team/api",
      "registry.example.com/team/../evil/api",
      "registry.example.com//team/api",
      "mirror.example.com/a/b",
      "evil/nginx",
      "user@registry.example.com/team/api",
      "registry.example.com/team/api:latest",
      "registry.example.com/team/api?x=1",
      "registry.example.com/team/api#",
      "registry.example.com/team/ api",
      "",
    ])
      assert.ok(!allowed(bad), bad);
  });

  it("have one way to be written", () => {
    assert.equal(canonicalRepository("nginx"), "docker.io/library/nginx");
    assert.equal(canonicalRepository("acme/api"), "docker.io/acme/api");
    assert.equal(canonicalRepository("localhost/api"), "localhost/api");
    assert.equal(canonicalRepository("10.0.0.1:5000/api"), "10.0.0.1:5000/api");
    assert.equal(canonicalRepository("[::1]:5000/api"), "[::1]:5000/api");
    assert.equal(canonicalRepository("Registry.Example.com/api"), "registry.example.com/api");
  });
});

describe("a policy's file", () => {
  const wrong: [text: string, says: RegExp][] = [
    ["images: [api", /policy\.yaml: /],
    ["imagse: []", /Unrecognized key.*it knows images, binds/],
    ["root: yes please", /line 1, root: /],
    ["\nroot: 1", /line 2, root: /],
    ["images: registry.example.com", /line 1, images: /],
    ["images: ['*/api']", /line 1: \*\/api: write a repository with its registry/],
    ["images: ['**']", /write a repository with its registry/],
    ["images: [api]", /write a repository with its registry/],
    ["images: ['registry.example.com/**/api']", /write a repository/],
    ["binds: [/]", /line 1: \/ would give a container power over the host/],
    ["binds: [/etc/]", /power over the host/],
    ["binds: ['/var/run/docker.sock']", /power over the host/],
    ["binds: [srv/data]", /srv\/data: write an absolute path/],
    ["binds: [/srv/../etc]", /write an absolute path/],
    ["binds: ['/srv/**']", /write an absolute path/],
    ["binds: ['/srv/a*']", /\* stands for a whole name/],
    [
      "root: true\nbinds: ['/srv/*', '/srv/*/conf:ro']",
      /line 2: \/srv\/\*\/conf is inside \/srv\/\*, where containers may write/,
    ],
    ["binds: ['/srv/a', '/srv/*/conf:ro']", /is inside \/srv\/a/],
    ["capabilities: [sys_admin]", /line 1: SYS_ADMIN is the host's root by another name/],
    ["capabilities: [ALL]", /ALL is the host's root/],
    ["ports: [0]", /line 1, ports: /],
    ["ports: ['9-1']", /line 1: a port is from 1 to 65535, the smaller first/],
    ["ports: ['1-99999']", /a port is from 1 to 65535/],
    ["hold: ['9-1']", /line 1: a port/],
    ["memory: lots", /line 1, memory: write a size such as 512m or 8g/],
    ["networks: [backend]", /line 1, networks/],
    ["images: []\nimages: []", /unique/i],
    ["a: &a [x]\nimages: *a", /policy\.yaml: /],
    ["- images", /policy\.yaml: /],
  ];
  for (const [text, says] of wrong) {
    it(`is refused: ${JSON.stringify(text)}`, () => assert.throws(() => parsed(text), says));
  }

  it("may be empty, and may nest what only is read", () => {
    assert.deepEqual(parsed("# nothing yet\n").images, []);
    assert.equal(parsed("binds: ['/data:ro', '/data/*:ro']").binds.length, 2);
    assert.deepEqual(parsed("memory: 512m").memoryBytes, 512 * 1024 ** 2);
    assert.deepEqual(parsed("ports: [80, '8000-8099']").ports, [
      { from: 80, to: 80 },
      { from: 8_000, to: 8_099 },
    ]);
  });
});
