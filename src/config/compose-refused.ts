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

/** Keys of a service. */
export const refusedServiceKeys: Readonly<Record<string, Complaint>> = Object.fromEntries([
  ...all("privileged cap_add devices device_cgroup_rules security_opt pid ipc uts userns_mode cgroup cgroup_parent", power),
  ...all("oom_score_adj oom_kill_disable volumes_from runtime gpus isolation credential_spec use_api_socket", power),
  ...all("build develop", "Gantry does not build images", "remove it, and let CI push <image>:<git commit>"),
  ...all("ports expose", "ports are not published", hostNetwork),
  ...all("networks links external_links mac_address", "networks of its own are not supported", hostNetwork),
  ...all("depends_on", "supporting containers come in a later version", "remove it"),
  ...all("restart", gantry, "remove it: a live container restarts unless stopped"),
  ...all("container_name", gantry, "remove it: the container is named after service, environment and release"),
  ...all("pull_policy platform", gantry, "remove it: the approved digest is pulled before the swap"),
  ...all("scale", gantry, "remove it: one container runs on each host of the environment"),
  ...all("secrets configs", later, "use env_file or volumes with files on the host"),
  ...all("extends profiles", "every file stands alone", "write the keys out here"),
  ...all(
    "mem_reservation memswap_limit mem_swappiness cpu_shares cpu_quota cpu_period cpu_percent cpu_count cpuset",
    later,
    "use mem_limit and cpus",
  ),
  ...all("cpu_rt_runtime cpu_rt_period pids_limit shm_size blkio_config storage_opt tmpfs sysctls", later),
  ...all("cap_drop group_add read_only init working_dir hostname domainname dns dns_opt dns_search extra_hosts", later),
  ...all("stdin_open tty attach annotations label_file post_start pre_stop provider models", later),
]);

export const refusedDeployKeys: Readonly<Record<string, Complaint>> = Object.fromEntries([
  ...all("replicas mode placement endpoint_mode", "hosts are chosen by x-gantry.environments.<name>.hosts"),
  ...all("update_config rollback_config", "rollouts are described by x-gantry.environments.<name>.rollout"),
  ...all("restart_policy", gantry, "remove it: a live container restarts unless stopped"),
  ...all("labels", "labels of a swarm service mean nothing here", "write them under labels of the service"),
]);

export const refusedTopKeys: Readonly<Record<string, Complaint>> = Object.fromEntries([
  ...all("version", "Compose itself ignores it"),
  ...all("volumes", "named volumes are not supported yet", "mount absolute paths of the host under volumes of the service"),
  ...all("networks", "networks of its own are not supported", hostNetwork),
  ...all("secrets configs", later, "use env_file or volumes with files on the host"),
  ...all("include", "every file stands alone", "write the service out here"),
  ...all("models", later),
]);

/** Keys of x-gantry and its parts that the design foresees and this version does not do. */
export const refusedGantryKeys: Readonly<Record<string, Complaint>> = Object.fromEntries([
  ...all("checks", later, "remove it: the approver looks at the checks for now"),
  ...all("freeze locks notify channel promote autoRollback", later),
]);
