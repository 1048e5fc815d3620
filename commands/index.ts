/** Every verb, in the order in which help names them. */
import { abort } from "./abort.ts";
import { approve } from "./approve.ts";
import { cancel } from "./cancel.ts";
import type { Command } from "./command.ts";
import { proceed } from "./continue.ts";
import { cordon } from "./cordon.ts";
import { deploy } from "./deploy.ts";
import { diff } from "./diff.ts";
import { drain } from "./drain.ts";
import { help } from "./help.ts";
import { history } from "./history.ts";
import { hosts } from "./hosts.ts";
import { lock } from "./lock.ts";
import { logs } from "./logs.ts";
import { pause } from "./pause.ts";
import { promote } from "./promote.ts";
import { reject } from "./reject.ts";
import { render } from "./render.ts";
import { restart } from "./restart.ts";
import { resume } from "./resume.ts";
import { retry } from "./retry.ts";
import { rollback } from "./rollback.ts";
import { skipSoak } from "./skip-soak.ts";
import { status } from "./status.ts";
import { uncordon } from "./uncordon.ts";
import { unlock } from "./unlock.ts";
import { why } from "./why.ts";

export const commands: readonly Command[] = [
  ...[deploy, promote, rollback, restart],
  ...[approve, reject, cancel],
  ...[pause, resume, retry, proceed, skipSoak, abort],
  ...[why, status, history, hosts, logs, render, diff],
  ...[lock, unlock, cordon, uncordon, drain],
  help,
];
