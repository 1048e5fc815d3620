/** How long a lab of real Docker hosts takes to be there and to be gone, what it weighs, and that nothing of it stays. Needs root. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { startLab } from "../../src/rehearsal/fleet/lab.ts";
import { run } from "../../src/rehearsal/fleet/run.ts";
import type { Judge } from "./judge.ts";

export async function benchHosts(count: number, judge: Judge): Promise<void> {
  console.log(`${count} Docker hosts:`);
  const freeBefore = freeMegabytes();
  const begunAt = performance.now();
  const names = Array.from({ length: count }, (_, index) => ({ name: `host-${index + 1}` }));
  const lab = await startLab({ hosts: names });
  try {
    const seconds = (performance.now() - begunAt) / 1000;
    judge({ what: "started, each", value: seconds / count, unit: " s", atMost: 2 });
    judge({ what: "memory, each", value: (freeBefore - freeMegabytes()) / count, unit: " MB", atMost: 130 });
    const versions = await Promise.all(lab.hosts.map((host) => host.docker("version", "--format", "{{.Server.Version}}")));
    judge({ what: "engines that answer", value: versions.filter(Boolean).length, unit: "", atLeast: count });
  } finally {
    const downAt = performance.now();
    await lab.stop();
    judge({ what: "removed, each", value: (performance.now() - downAt) / 1000 / count, unit: " s", atMost: 1 });
  }
  judge({ what: "namespaces, links and mounts left behind", value: await ofLab(path.basename(lab.dir)), unit: "", atMost: 0 });
}

/** Namespaces, interfaces and mounts of the machine that carry the lab's id. */
async function ofLab(id: string): Promise<number> {
  const lists = await Promise.all([run("ip", ["netns", "list"]), run("ip", ["-o", "link"])]);
  const lines = [...lists, readFileSync("/proc/self/mountinfo", "utf8")].join("\n").split("\n");
  return lines.filter((line) => line.includes(id)).length;
}

function freeMegabytes(): number {
  return Number(/^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? 0) / 1024;
}
