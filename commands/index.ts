/** Every verb, in the order in which help names them. */
import { approve } from "./approve.ts";
import { cancel } from "./cancel.ts";
import type { Command } from "./command.ts";
import { deploy } from "./deploy.ts";
import { help } from "./help.ts";
import { history } from "./history.ts";
import { hosts } from "./hosts.ts";
import { promote } from "./promote.ts";
import { reject } from "./reject.ts";
import { rollback } from "./rollback.ts";
import { status } from "./status.ts";

export const commands: readonly Command[] = [deploy, promote, rollback, approve, reject, cancel, status, history, hosts, help];
