/** The configuration as meant: every default filled in, every name checked. Made by load.ts from what was written (raw.ts). */

import type { RolloutPolicy } from "../core/plan.ts";
import type { ReleaseSpec } from "../core/release.ts";
import type { Requirement } from "../core/requirement.ts";
import type { SecretProvider } from "../core/secrets.ts";

/** Members of a role. `local` are operating-system users who may use the server's socket. */
export type Role = {
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly local: readonly string[];
  readonly everyone: boolean;
};

export type Approvals = {
  /** 0: nobody needs to approve. */
  readonly required: number;
  /** Role names. */
  readonly from: readonly string[];
  readonly notRequester: boolean;
  /** A request that nobody decided ends after this. */
  readonly expireMs: number;
};

export type EnvironmentConfig = {
  readonly name: string;
  /** The environment whose soaked releases this one accepts by /promote, or null. */
  readonly after: string | null;
  /** A host belongs to the environment when it has all these labels. */
  readonly hosts: Readonly<Record<string, string>>;
  readonly approvals: Approvals;
  /** Role names that may ask for a rollout here, and that may go back here. */
  readonly deployers: readonly string[];
  readonly oncall: readonly string[];
  readonly rollout: RolloutPolicy;
};

export type ServiceConfig = {
  readonly name: string;
  /** The file it came from, for messages. */
  readonly file: string;
  /** GitHub `owner/name`, or null. */
  readonly repository: string | null;
  /** Jira project keys; empty when there are none. */
  readonly ticketProjects: readonly string[];
  readonly spec: ReleaseSpec;
  /** How many images of earlier releases stay on each host besides what is needed. Absent: the agent's 2. */
  readonly keep?: number;
  /** What must serve on a host before this one begins there. Absent: nothing. */
  readonly requires?: readonly Requirement[];
  /** In promotion order. */
  readonly environments: readonly EnvironmentConfig[];
};

export type RegistryConfig = { readonly host: string; readonly mirrors: readonly string[]; readonly insecure: boolean };

export type GantryConfig = {
  /** The file it came from. */
  readonly file: string;
  readonly people: Readonly<Record<string, Role>>;
  readonly registries: readonly RegistryConfig[];
  /** Where the server reads secrets. Absent: it has none. */
  readonly secrets?: readonly SecretProvider[];
  /** Where cards go when the request did not come from a channel (CLI), or null. */
  readonly channel: string | null;
  readonly services: readonly ServiceConfig[];
};

/** One thing wrong with what was written. Lines and columns count from 1. */
export type ConfigError = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong. */
  readonly what: string;
  /** What would be right. */
  readonly fix: string;
};
