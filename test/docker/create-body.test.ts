import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ContainerSpec } from "../../src/core/release.ts";
import { createBody } from "../../src/docker/create-body.ts";
import { plainSpec } from "../host/kit/orders.ts";

/** What the engine cannot show on every machine, and what it would show in no inspect. */
function bodyOf(spec: Partial<ContainerSpec>) {
  const order = { name: "gantry-api.prod-g1", imageRef: "r/api@sha256:0", labels: {}, environment: ["A=file", "B=file"] };
  return createBody({ ...order, spec: { ...plainSpec, ...spec } });
}

describe("the create call", () => {
  it("leaves to the engine whatever a spec does not say", () => {
    assert.deepEqual(bodyOf({ network: "host" }), {
      name: "gantry-api.prod-g1",
      Image: "r/api@sha256:0",
      Labels: {},
      Env: ["A=file", "B=file"],
      StopTimeout: 2,
      HostConfig: { NetworkMode: "host", RestartPolicy: { Name: "no" }, Ulimits: [], Binds: [] },
    });
  });

  it("puts what the file says before what an env_file says", () => {
    assert.deepEqual(bodyOf({ environment: { A: "1" } }).Env, ["A=1", "B=file"]);
  });

  it("limits disks", () => {
    const path = "/dev/sda";
    const host = bodyOf({
      blockIo: {
        weight: 300,
        weightDevice: [{ path, weight: 200 }],
        readBps: [{ path, rate: 1 }],
        readIops: [{ path, rate: 2 }],
        writeBps: [{ path, rate: 3 }],
        writeIops: [{ path, rate: 4 }],
      },
    }).HostConfig;
    assert.equal(host?.BlkioWeight, 300);
    assert.deepEqual(host?.BlkioWeightDevice, [{ Path: path, Weight: 200 }]);
    assert.deepEqual(host?.BlkioDeviceReadBps, [{ Path: path, Rate: 1 }]);
    assert.deepEqual(host?.BlkioDeviceReadIOps, [{ Path: path, Rate: 2 }]);
    assert.deepEqual(host?.BlkioDeviceWriteBps, [{ Path: path, Rate: 3 }]);
    assert.deepEqual(host?.BlkioDeviceWriteIOps, [{ Path: path, Rate: 4 }]);
  });

  it("hands on what only newer engines know", () => {
    const times = { intervalMs: 0, timeoutMs: 0, retries: 0, startPeriodMs: 5_000 };
    const body = bodyOf({
      annotations: { "org.example.trace": "on" },
      cgroup: "private",
      healthcheck: { disabled: false, test: [], ...times, startIntervalMs: 250 },
    });
    const host = body.HostConfig as { Annotations?: unknown; CgroupnsMode?: unknown };
    assert.deepEqual(host.Annotations, { "org.example.trace": "on" });
    assert.equal(host.CgroupnsMode, "private");
    const untouched = { Test: [], Interval: 0, Timeout: 0, Retries: 0 };
    assert.deepEqual(body.Healthcheck, { ...untouched, StartPeriod: 5e9, StartInterval: 25e7 });
  });

  it("asks for swap, swappiness and storage as the file says", () => {
    const host = bodyOf({ memorySwapBytes: -1, memorySwappiness: 0, storageOptions: { size: "1g" } }).HostConfig;
    assert.deepEqual([host?.MemorySwap, host?.MemorySwappiness, host?.StorageOpt], [-1, 0, { size: "1g" }]);
  });

  it("mounts: the engine makes missing folders only where it may", () => {
    const host = bodyOf({
      volumes: [
        { source: "/a", target: "/x", readOnly: true, selinux: "Z", propagation: "rslave" },
        { source: "/b", target: "/y", readOnly: false, mustExist: true, propagation: "private" },
      ],
      mounts: [
        { kind: "volume", source: "api_data", target: "/z", readOnly: false, noCopy: true, driverOptions: { type: "nfs" } },
        { kind: "tmpfs", target: "/t", bytes: 4096, mode: 0o1777 },
      ],
    }).HostConfig;
    assert.deepEqual(host?.Binds, ["/a:/x:ro,Z,rslave"]);
    const options = { NoCopy: true, DriverConfig: { Name: "local", Options: { type: "nfs" } } };
    assert.deepEqual(host?.Mounts, [
      { Type: "bind", Source: "/b", Target: "/y", ReadOnly: false, BindOptions: { Propagation: "private" } },
      { Type: "volume", Source: "api_data", Target: "/z", ReadOnly: false, VolumeOptions: options },
      { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 4096, Mode: 0o1777 } },
    ]);
  });

  it("publishes one port of a container more than once", () => {
    const port = { target: 80, protocol: "tcp" } as const;
    const body = bodyOf({
      network: "bridge",
      ports: [
        { ...port, published: "8080" },
        { ...port, published: "", address: "::1" },
      ],
    });
    assert.deepEqual(body.ExposedPorts, { "80/tcp": {} });
    const bindings = [
      { HostIp: "", HostPort: "8080" },
      { HostIp: "::1", HostPort: "" },
    ];
    assert.deepEqual(body.HostConfig?.PortBindings, { "80/tcp": bindings });
  });
});
