import { after, before } from "node:test";
import { type SampleCommit, sampleHistory } from "../../examples/sample-service/history.ts";
import { buildSampleImages } from "../../src/rehearsal/fleet/images.ts";
import { type Lab, type LabHost, startLab } from "../../src/rehearsal/fleet/lab.ts";

/** A lab for the tests of one file, with the sample service's images in its registry. */
export type TestLab = {
  /** The running lab; only inside tests and hooks. */
  readonly lab: Lab;
  host(name: string): LabHost;
  /** `10.x.y.1:5000/api`: the sample service's repository. */
  readonly repository: string;
  /** The manifest digest of a sample commit. */
  digest(commit: SampleCommit): string;
};

/**
 * Starts real Docker hosts before the tests of this file and removes them after. Call it once, at the top of the file.
 * A file that imports this runs alone, after the fast ones: see run-all.ts.
 */
export function testLab(...hosts: readonly (string | { name: string; labels?: Readonly<Record<string, string>> })[]): TestLab {
  let started: { lab: Lab; digests: ReadonlyMap<string, string> } | null = null;
  before(async () => {
    const lab = await startLab({ hosts: hosts.map((host) => (typeof host === "string" ? { name: host } : host)) });
    started = { lab, digests: new Map() };
    started = { lab, digests: await pushSamples(lab) };
  });
  after(() => started?.lab.stop());

  function running() {
    if (started === null) throw new Error("The lab is only there inside tests and hooks.");
    return started;
  }
  return {
    get lab() {
      return running().lab;
    },
    get repository() {
      return `${running().lab.registry.address}/api`;
    },
    host: (name) => running().lab.host(name),
    digest(commit) {
      const digest = running().digests.get(commit.sha);
      if (digest === undefined) throw new Error(`No image was made for ${commit.sha}.`);
      return digest;
    },
  };
}

/** The sample commit whose SHA starts like this. */
export function sampleCommit(short: string): SampleCommit {
  const found = sampleHistory.find((commit) => commit.sha.startsWith(short));
  if (found === undefined) throw new Error(`The sample history has no commit ${short}.`);
  return found;
}

function pushSamples(lab: Lab): Promise<ReadonlyMap<string, string>> {
  const builds = sampleHistory.map(({ sha, behaviour, title }) => ({ commit: sha, behaviour, message: title }));
  return buildSampleImages({ registry: lab.registry.address, service: "api", builds });
}
