import assert from "node:assert/strict";
import { test } from "node:test";
import { containerSpec } from "../../src/fleet/container-shape.ts";
import { composeFiles } from "../docker/kit/compose-files.ts";
import { valid, withCompose } from "./files.ts";

const facts = { repository: "registry.example.com/api", folder: "/srv/api" };
/** What only newer engines, or none like the lab's, can do. */
const besides = withCompose(
  "network_mode: bridge",
  "annotations: [org.example.trace=on]",
  "cgroup: private",
  "storage_opt: { size: 1g }",
  "deploy: { resources: { limits: { memory: 64m, cpus: '0.5', pids: 9 }, reservations: { memory: 32m } } }",
  "env_file: [{ path: a.env, required: false }, { path: b.env, format: raw }]",
  "healthcheck: { start_period: 9s, start_interval: 1s }",
  "blkio_config:",
  "  weight_device: [{ path: /dev/sda, weight: 20 }]",
  "  device_read_bps: [{ path: /dev/sda, rate: 1m }]",
  "  device_read_iops: [{ path: /dev/sda, rate: 100 }]",
  "  device_write_bps: [{ path: /dev/sda, rate: 1048576 }]",
  "  device_write_iops: [{ path: /dev/sda, rate: 100 }]",
  "volumes:",
  "  - /srv/a:/a:ro,Z,rslave",
  "  - { type: bind, source: /srv/b, target: /b, bind: { create_host_path: false, propagation: private } }",
  "  - { type: volume, source: data, target: /c, read_only: true, volume: { nocopy: true } }",
  "  - { type: volume, source: kept, target: /d }",
  "  - { type: tmpfs, target: /t, tmpfs: { size: 1m, mode: 1777 } }",
  "ports: [{ target: 80, published: '8080-8090', host_ip: '::1', protocol: udp }]",
).concat("\nvolumes: { data: { driver_opts: { type: nfs, device: ':/x' }, labels: [a=b] }, kept: { external: true } }");

test("what a file says of a container reaches the agent whole", () => {
  const texts = [...Object.values(composeFiles).map((text) => text(facts)), besides];
  for (const text of texts) {
    const spec = valid({ service: text }).services[0]?.spec.container;
    assert.deepEqual(containerSpec.parse(JSON.parse(JSON.stringify(spec))), spec);
  }
});

test("the keys that no comparison covers mean what they say", () => {
  const spec = valid({ service: besides }).services[0]?.spec.container;
  assert.deepEqual(spec, {
    ...valid({}).services[0]?.spec.container,
    network: "bridge",
    annotations: { "org.example.trace": "on" },
    cgroup: "private",
    storageOptions: { size: "1g" },
    memoryBytes: 64 * 1024 ** 2,
    cpus: 0.5,
    pidsLimit: 9,
    memoryReservationBytes: 32 * 1024 ** 2,
    envFiles: ["a.env", "b.env"],
    optionalEnvFiles: ["a.env"],
    rawEnvFiles: ["b.env"],
    healthcheck: {
      disabled: false,
      test: [],
      intervalMs: 0,
      timeoutMs: 0,
      retries: 0,
      startPeriodMs: 9_000,
      startIntervalMs: 1_000,
    },
    blockIo: {
      weightDevice: [{ path: "/dev/sda", weight: 20 }],
      readBps: [{ path: "/dev/sda", rate: 1024 ** 2 }],
      readIops: [{ path: "/dev/sda", rate: 100 }],
      writeBps: [{ path: "/dev/sda", rate: 1024 ** 2 }],
      writeIops: [{ path: "/dev/sda", rate: 100 }],
    },
    volumes: [
      { source: "/srv/a", target: "/a", readOnly: true, propagation: "rslave", selinux: "Z" },
      { source: "/srv/b", target: "/b", readOnly: false, propagation: "private", mustExist: true },
    ],
    mounts: [
      {
        kind: "volume",
        source: "api_data",
        target: "/c",
        readOnly: true,
        noCopy: true,
        driverOptions: { type: "nfs", device: ":/x" },
        labels: { a: "b" },
      },
      { kind: "volume", source: "kept", target: "/d", readOnly: false, mustExist: true },
      { kind: "tmpfs", target: "/t", bytes: 1024 ** 2, mode: 0o1777 },
    ],
    ports: [{ target: 80, protocol: "udp", published: "8080-8090", address: "::1" }],
  });
});
