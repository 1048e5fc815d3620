/** Keys that Compose knows and Gantry refuses, each with its reason. A key that is neither here nor supported is a spelling mistake. */
import type { Complaint } from "./raw.ts";

const power = "it gives the container power over the host";
const later = "it is not supported yet";
const gantry = "Gantry decides that";

const remove = "remove it";

function why(key: string, reason: string, fix: string = remove): Complaint {
  return { what: `${key}: ${reason}`, fix };
}

function all(keys: string, reason: string, fix?: string): [string, Complaint][] {
  return keys.split(" ").map((key) => [key, why(key, reason, fix)]);
}

const hostNetwork = "remove it: with network_mode host (the default) the container listens on the host itself";

const moves = "a swap puts another container in its place";

/** Keys of a service. */
export const refusedServiceKeys: Readonly<Record<string, Complaint>> = Object.fromEntries([
  ...all("privileged devices device_cgroup_rules gpus pid uts userns_mode cgroup_parent use_api_socket", power),
  ...all("cpu_rt_runtime cpu_rt_period", "real-time scheduling can take the host's CPUs away from everything else"),
  ...all("oom_kill_disable", "what the kernel may not end when memory is short takes the host down with it", "use mem_limit"),
  ...all("credential_spec isolation cpu_count cpu_percent", "only Windows knows it"),
  ...all("build develop", "Gantry does not build images", "remove it, and let CI push <image>:<git commit>"),
  ...all("networks", "Gantry makes no networks on the hosts", hostNetwork),
  ...all("links external_links", `a link is to one container, and ${moves}`, "use ports of the host, or extra_hosts"),
  ...all("volumes_from", `it takes the mounts of one container, and ${moves}`, "write the volumes out here"),
  ...all("mac_address", "two containers cannot have it, and a swap has two for a moment"),
  ...all("container_name", gantry, "remove it: the container is named after service, environment and release"),
  ...all("pull_policy pull_refresh_after", gantry, "remove it: the approved digest is pulled before the swap"),
  ...all("platform", "a host runs the image of its own platform", "remove it, and choose hosts by their labels"),
  ...all("scale", gantry, "remove it: one container runs on each host of the environment"),
  ...all("configs", later, "use env_file, secrets, or volumes with files on the host"),
  ...all(
    "x-gantry",
    "there is one for the whole file",
    "write it at the top, beside services; what is about this container goes under supporting",
  ),
  ...all("label_file", "labels are part of the release, and the file would be the host's", "write them under labels"),
  ...all("post_start pre_stop", "a hook could fail where no swap can answer for it", "let the image's entrypoint do it"),
  ...all("provider models", "it is not a container"),
]);

export const refusedDeployKeys: Readonly<Record<string, Complaint>> = Object.fromEntries([
  ...all("replicas mode placement endpoint_mode", "hosts are chosen by x-gantry.environments.<name>.hosts"),
  ...all("update_config rollback_config", "rollouts are described by x-gantry.environments.<name>.rollout"),
  ...all("restart_policy", gantry, "remove it: a live container restarts unless stopped"),
  ...all("labels", "labels of a swarm service mean nothing here", "write them under labels of the service"),
]);

export const refusedTopKeys: Readonly<Record<string, Complaint>> = Object.fromEntries([
  ...all("version", "Compose itself ignores it"),
  ...all("networks", "Gantry makes no networks on the hosts", hostNetwork),
  ...all("configs", later, "use env_file, secrets, or volumes with files on the host"),
  ...all(
    "include",
    "one file is one service, so that one rollout is about it",
    "write the containers out here, or take them over by extends",
  ),
  ...all("models", later),
]);

/** Keys of x-gantry and its parts that the design foresees and this version does not do. */
export const refusedGantryKeys: Readonly<Record<string, Complaint>> = Object.fromEntries([
  ...all("checks", later, "remove it: the approver looks at the checks for now"),
  ...all("freeze locks notify channel promote autoRollback", later),
]);
