/** What the adapter itself says: only where the application was not asked. */
import type { Message } from "../messages/message.ts";

const plain = (text: string): Message => ({ text, blocks: [] });

export const nothingRecorded = plain(
  "Gantry could not record this, so nothing will happen: its database cannot be written (`store_unwritable`). " +
    "Try again in a minute. Meanwhile the same words work on the server: `gantry deploy …`, `gantry rollback …`.",
);

export const restarting = plain("Gantry is restarting and did not record this, so nothing will happen. Try again in a minute.");

export const notAMember = plain(
  "Only full members of this workspace can use Gantry, so nothing was recorded (`not_allowed`). Ask a member with the role to do it.",
);

export const notForBots = plain("Gantry takes commands from people only, so nothing was recorded (`not_allowed`).");

export const whoAreYou = plain(
  "Slack did not answer when Gantry asked whether you are a member of this workspace, so nothing was recorded (`chat_unreachable`). " +
    "Try again; meanwhile the same words work on the server: `gantry deploy …`, `gantry rollback …`.",
);

export const outsideChannel = plain(
  "This channel is shared with another organisation, so Gantry does not answer here (`not_allowed`). Use a channel of your own workspace.",
);

export const mentionFirst = plain("To give Gantry a command, start the message with the mention: `@gantry status`.");

export const unknownCommand = plain("Gantry does not know this command. `/gantry help` lists what it can do.");
