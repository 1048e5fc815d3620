import assert from "node:assert/strict";
import { test } from "node:test";
import { goodService, saysOfService, valid, withCompose } from "./files.ts";
import { type Case, tell } from "./tell.ts";

const mounted = withCompose("volumes: ['data:/data']");

test("named volumes", (t) =>
  tell(
    t,
    (
      [
        ["volumes: {}", '5:14 the volume "data" is not declared; declare it at the top: volumes: { data: {} }'],
        ["volumes: { date: {} }", '5:14 the volume "data" is not declared; did you mean "date"?'],
        ["volumes: { data: { extern: true } }", '10:20 unknown key "extern"; did you mean "external"?'],
        [
          "volumes: { data: { external: true, driver: local } }",
          "10:18 driver, driver_opts or labels of an external volume; remove them: it is there already",
        ],
        [
          "volumes: { data: { driver_opts: { type: none, o: bind, device: / } } }",
          "10:18 device: it gives the container power over the host; mount the folder as a bind in the container",
        ],
        [
          "volumes: { data: { driver_opts: { type: ext4, device: /dev/sda1 } } }",
          "10:18 device: it gives the container power over the host; mount the folder as a bind in the container",
        ],
        [
          "volumes: { data: { driver_opts: { type: nfs, o: 'rw,bind', device: / } } }",
          "10:18 device: it gives the container power over the host; mount the folder as a bind in the container",
        ],
        [
          "volumes: { data: { name: a/b } }",
          `10:26 "a/b" is not a volume's name; use letters, digits, and . _ - after the first`,
        ],
      ] as const
    ).map(([line, said]): Case => [line, `${mounted}\n${line}`, said]),
  ));

test("a named volume is called as Compose calls it", () => {
  const top = "volumes: { data: , kept: { external: true }, own: { name: the-one, driver_opts: { type: nfs, device: ':/x' } } }";
  const text = `${withCompose("volumes: ['data:/a', 'kept:/b:ro', 'own:/c:nocopy']")}\n${top}`;
  const volume = { kind: "volume", readOnly: false };
  assert.deepEqual(valid({ service: text }).services[0]?.spec.container.mounts, [
    { ...volume, source: "api_data", target: "/a" },
    { ...volume, source: "kept", target: "/b", readOnly: true, mustExist: true },
    { ...volume, source: "the-one", target: "/c", noCopy: true, driverOptions: { type: "nfs", device: ":/x" } },
  ]);
});

test("a volume that no container mounts changes nothing", () => {
  assert.deepEqual(saysOfService(`${goodService}\nvolumes: { data: {} }`), []);
});
