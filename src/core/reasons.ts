/**
 * Every refusal and every wait has a stable reason code. One entry here gives the code its meaning; a page of the
 * same name in docs/runbooks/ says what to do about it at length (a policy test demands both).
 */

export type Reason = {
  /** What happened, as a noun phrase for lists. */
  readonly title: string;
  /** The next step, for the person who reads it at 3 a.m. */
  readonly next: string;
};

export const reasons = {
  // Words that were not understood
  unknown_verb: { title: "Unknown command word", next: "Use one of the words of `/gantry help`." },
  unknown_service: { title: "Unknown service", next: "Use a name from `/gantry status`, or add a file to the services folder." },
  unknown_environment: { title: "Unknown environment", next: "Use one of the environments that the service file names." },
  unknown_rollout: { title: "Unknown rollout", next: "Look its number up with `/gantry history`." },
  unknown_host: { title: "Unknown host", next: "Look at `/gantry hosts`." },
  missing_word: { title: "A word is missing", next: "Type the command again with all its words, or alone for a form." },
  too_many_words: { title: "Words left over", next: "Remove the words that the usage line does not have." },
  bad_word: { title: "A word of the wrong shape", next: "Look at the usage line and the examples." },
  unknown_flag: { title: "Unknown option", next: "Use one of the options of the usage line." },
  too_long: { title: "The command is too long", next: "Shorten it to 1,000 characters." },
  // Refs and images
  unknown_ref: { title: "No such build", next: "Use a commit whose image CI has pushed; the newest are listed." },
  ambiguous_ref: { title: "The short commit fits several builds", next: "Type more digits of the commit." },
  registry_unreachable: { title: "The registry does not answer", next: "Check the registry; a rollback works without it." },
  registry_auth: { title: "The registry refuses the credentials", next: "Renew the registry login." },
  image_missing: { title: "The image is not in the registry", next: "Push the image again, or deploy another commit." },
  digest_mismatch: { title: "The image is not the approved one", next: "Do not deploy it. Find out who pushed over the tag." },
  // Gates and authority
  not_allowed: { title: "Not your role", next: "Ask someone who has the role." },
  own_request: { title: "The requester may not decide", next: "Ask another approver." },
  already_approved: { title: "You have approved this already", next: "Another approver is needed." },
  no_approvers: { title: "Nobody could approve this", next: "Put people into the approving role in gantry.yml." },
  no_hosts: { title: "No host matches the environment", next: "Enrol a host with the labels that the service file asks for." },
  requirement_missing: {
    title: "A required service has no environment on the host",
    next: "Give the host the label that the required service asks for, or take the requirement off the service file.",
  },
  busy: { title: "Another rollout is active here", next: "Wait for it, or cancel it." },
  already_live: { title: "That release already runs there", next: "Nothing to do." },
  bad_release: {
    title: "The release was judged bad",
    next: "Deploy a fixed commit, or ask with --allow-bad and a second person.",
  },
  nothing_to_promote: { title: "Nothing good to promote", next: "Deploy to the earlier environment and let it soak." },
  no_earlier_good: { title: "No earlier good release", next: "Deploy a good commit instead." },
  plan_changed: { title: "The plan changed since it was made", next: "Ask for the rollout again." },
  stale_click: { title: "That button is out of date", next: "Look at the card for what is happening now." },
  already_decided: { title: "Already decided", next: "Look at the card for what is happening now." },
  already_ended: { title: "The rollout has ended", next: "Ask for a new one." },
  too_late: { title: "Gantry came to it too late", next: "Look at `/gantry status`, then type it again if you still want it." },
  request_expired: { title: "Nobody decided in time", next: "Ask for the rollout again." },
  cancelled: { title: "Cancelled by a person", next: "Ask for the rollout again when ready." },
  rejected: { title: "Rejected by a person", next: "Read the reason, then ask again." },
  rolled_back: { title: "Rolled back by a person", next: "Fix the commit and deploy the fix." },
  // Waits
  awaiting_approval: { title: "Waits for approval", next: "An approver presses Approve." },
  awaiting_images: { title: "Waits for images on the first hosts", next: "Nothing; it goes on by itself." },
  awaiting_host: { title: "Waits for a host", next: "Look at `/gantry hosts`." },
  awaiting_service: {
    title: "Waits for a service that it stands on",
    next: "Nothing when that service is on its way; otherwise bring it to the host, or mend it there: `/gantry why HOST`.",
  },
  soaking: { title: "Soaks", next: "Nothing; it goes on by itself." },
  watching: { title: "Is watched after its end", next: "Nothing; containers that do not stay well raise its card again." },
  in_line: { title: "Waits in line", next: "Nothing; it comes to its turn by itself. To leave: `/gantry cancel NUMBER`." },
  line_full: { title: "The line is full", next: "Wait until some have had their turn, or ask one of them to leave it." },
  line_held: { title: "The line is held", next: "Look at what went wrong, then `/gantry resume NUMBER`." },
  paused: { title: "Paused by a person", next: "`/gantry resume NUMBER`, or `/gantry abort NUMBER`." },
  paused_on_failure: {
    title: "Paused because hosts failed",
    next: "Retry the failed hosts, continue past them, abort, or roll back.",
  },
  over_budget: { title: "Too many hosts are out of service", next: "Wait until hosts serve again; `/gantry hosts` names them." },
  no_progress: { title: "Nothing moved for too long", next: "Look at the hosts that it waits for." },
  // Locks, intents, and the rollouts of others
  locked: { title: "The environment is locked", next: "Ask who locked it, wait in line with --wait, or `/gantry unlock`." },
  not_paused: { title: "It is not paused", next: "Look at the card for what is happening now." },
  nothing_failed: { title: "No host has failed", next: "Look at the card for what is happening now." },
  not_soaking: { title: "It does not soak", next: "Look at the card for what is happening now." },
  nothing_live: { title: "Nothing is live there", next: "Deploy something first." },
  no_container: { title: "There is no such container", next: "Look at `/gantry status` for what runs where." },
  overloaded: { title: "Too much is asked at once", next: "Wait a moment and ask again, or ask for less." },
  cordoned: { title: "A person took the host out", next: "`/gantry uncordon HOST` lets it take part again." },
  left_incomplete: {
    title: "Some hosts do not have the release",
    next: "Mend the hosts named, then deploy the same commit again.",
  },
  left_over: {
    title: "The host keeps what it had for an environment that it left",
    next: "Give the host its labels back, or stop the container on it.",
  },
  watch_tripped: {
    title: "Containers did not stay well after the end",
    next: "Look at `/gantry why`, and roll back if in doubt.",
  },
  // The server knows less than its agents
  server_behind: {
    title: "An agent knows more than this server",
    next: "Was it restored from a backup, or do two servers run? Then `gantry adopt`.",
  },
  history_forked: {
    title: "The history is not the one that the agents know",
    next: "Stop this server. Look with `gantry audit verify`; then restore, or `gantry adopt`.",
  },
  // Hosts
  host_lost: { title: "The host does not answer", next: "Check the machine and the agent's service." },
  deadline_passed: { title: "The host did not finish in time", next: "Look at the host's agent log." },
  engine_down: { title: "The Docker engine does not answer", next: "Start the engine: systemctl status docker." },
  engine_stuck: { title: "The Docker engine hangs", next: "Look at the engine's log; restart it with live-restore on." },
  engine_error: { title: "The Docker engine answers with errors", next: "Look at the engine's log." },
  engine_slow: { title: "The Docker engine is slow", next: "Look at the load, the memory and the disk of the host." },
  disk_full: { title: "The disk is full", next: "Free space under the engine's data root." },
  inodes_full: {
    title: "The disk has no inodes left",
    next: "Remove images and files under the engine's data root: many small ones.",
  },
  memory_low: {
    title: "The host has no memory left",
    next: "Look with `free -m` at what takes it; move a service, or add memory.",
  },
  pull_failed: { title: "The image could not be pulled", next: "Look at the detail; check the registry from the host." },
  wrong_platform: { title: "The image is for another platform", next: "Build the image for the host's platform." },
  create_failed: {
    title: "The container could not be created",
    next: "Look at the detail: a mount, a user or an option is wrong.",
  },
  mount_missing: {
    title: "A volume of the container is not on the host",
    next: "Make the folder on the host, or mend the path in the service file.",
  },
  refused_by_host: {
    title: "The host's policy refuses it",
    next: "Mend the service file; or root of the host changes its policy, at the line that is named.",
  },
  user_missing: { title: "The container's user is not in its image", next: "Mend `user` in the service file, or the image." },
  secret_missing: { title: "A secret is not to be had", next: "Put it where the text says that it was looked for." },
  env_file_missing: { title: "An env_file is not on the host", next: "Put the file on the host." },
  proxy_failed: {
    title: "The proxy does not do as it is told",
    next: "Look at the proxy on that host, and at `x-gantry.swap` of the service file.",
  },
  start_failed: { title: "The container could not be started", next: "Look at the detail." },
  port_in_use: { title: "Another process holds the port", next: "Find it with `ss -ltnp` on the host." },
  exited: { title: "The container exited", next: "Read its last lines." },
  killed: {
    title: "A signal ended the container",
    next: "Read its last lines; look at `dmesg` on the host for the kernel's word.",
  },
  permission_denied: {
    title: "The container lacks a permission",
    next: "Look at the line: a file's mode, its owner, a read-only volume, or a capability.",
  },
  crash_loop: { title: "The container keeps restarting", next: "Read its last lines." },
  oom_killed: { title: "The container ran out of memory", next: "Raise the limit or find the leak." },
  unhealthy: {
    title: "The health check failed",
    next: "Read the container's last lines and try the health address on the host.",
  },
  stop_failed: { title: "The old container could not be stopped", next: "Look at the engine on the host." },
  promote_failed: {
    title: "The new container could not be set to come back by itself",
    next: "Look at the detail and at the engine on the host.",
  },
  restore_failed: { title: "The old container could not be put back", next: "Go to the host now: nothing serves there." },
  interrupted: { title: "The swap was interrupted", next: "Nothing; the host went back to what it served." },
  stale_desired: { title: "An older order than the host has seen", next: "Look whether two servers run on the same fleet." },
  foreign_server: { title: "An order from another server", next: "Enrol the host with this server, or stop the other one." },
  // Agents
  bad_token: { title: "The enrolment token is not valid", next: "Make a new one: gantry enroll --name NAME." },
  bad_proof: { title: "The host could not prove its key", next: "Enrol the host again." },
  host_revoked: { title: "The host was revoked", next: "Enrol it again if that was wrong." },
  duplicate_agent: { title: "A second agent for the same host", next: "Stop one of the two." },
  incompatible_agent: { title: "The agent speaks another protocol", next: "Upgrade the agent." },
  // The server itself
  store_locked: { title: "Another server holds the data", next: "Stop the other server, or give this one its own GANTRY_DATA." },
  store_newer: { title: "The data was written by a newer Gantry", next: "Run the newer version." },
  store_missing: {
    title: "The database is gone from a folder that was used",
    next: "Put it back together with its -wal file, or restore the last backup: `gantry restore`.",
  },
  store_is_backup: {
    title: "A backup was copied in place of the database",
    next: "Move it elsewhere and put it in place with `gantry restore`.",
  },
  network_disk: {
    title: "The data is on a network file system",
    next: "Give the server a GANTRY_DATA on a disk of its own machine.",
  },
  store_unwritable: { title: "The database cannot be written", next: "Free disk space; what was recorded is safe." },
  bad_config: { title: "The configuration is not valid", next: "Run `gantry validate`." },
  chat_unreachable: { title: "Slack does not answer", next: "Use the CLI meanwhile: the same verbs work." },
  chat_auth: { title: "Slack refuses the token", next: "Renew SLACK_BOT_TOKEN or SLACK_APP_TOKEN." },
  chat_gone: { title: "The Slack message or channel is gone", next: "Nothing; Gantry posts again where it can." },
  form_expired: { title: "The form came too late", next: "Press the button or type the command again." },
  not_in_channel: { title: "Gantry is not in this channel", next: "Type `/invite @gantry` there and try again." },
  github_unreachable: { title: "GitHub does not answer", next: "Nothing; commits and links are missing until it does." },
  github_auth: { title: "GitHub refuses the token", next: "Renew GITHUB_TOKEN." },
  jira_unreachable: { title: "Jira does not answer", next: "Nothing; tickets are missing until it does." },
  jira_auth: { title: "Jira refuses the token", next: "Renew JIRA_API_TOKEN." },
  internal: { title: "A fault in Gantry", next: "Look the id up in the server's log and report it." },
} as const satisfies Record<string, Reason>;

export type ReasonCode = keyof typeof reasons;

/** A refusal as a person reads it: what and why, and the way on. Who and since when stand in `text`. */
export type Refusal = { readonly reason: ReasonCode; readonly text: string; readonly next: string };

export function refuse(reason: ReasonCode, text: string, next?: string): Refusal {
  return { reason, text, next: next ?? reasons[reason].next };
}

export function isReasonCode(text: string): text is ReasonCode {
  return Object.hasOwn(reasons, text);
}
