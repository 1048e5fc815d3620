import type { Chat, Clock, Log } from "../app/ports.ts";
import type { ReasonCode } from "../core/reasons.ts";

export type Health = {
  /** A socket said hello, or ended. */
  socketOpened(): void;
  socketClosed(): void;
  openSockets(): number;
  /** Why the last attempt to open a socket failed. */
  socketFault(reason: ReasonCode): void;
  /** The bot token's last check; null: it works. */
  tokenChecked(fault: ReasonCode | null): void;
  /** Resolves at the first connection. */
  readonly connected: Promise<void>;
  state: Chat["state"];
};

/** What `state()` tells, and one log line whenever it changes. With `sockets` false (HTTP mode) the token alone decides. */
export function createHealth(options: {
  readonly clock: Clock;
  readonly log: Log;
  readonly sockets: boolean;
  /** Called at every new connection. */
  readonly onConnected?: () => void;
}): Health {
  const { clock, log } = options;
  const first = Promise.withResolvers<void>();
  let open = 0;
  let socketReason: ReasonCode = "chat_unreachable";
  let tokenFault: ReasonCode | null = "chat_unreachable";
  let current: ReturnType<Chat["state"]> = { connected: false, since: clock.now(), reason: "chat_unreachable" };

  function update(): void {
    const linked = !options.sockets || open > 0;
    const reason = tokenFault ?? (linked ? null : socketReason);
    if (reason === current.reason) return;
    const connected = reason === null;
    current = { connected, since: connected === current.connected ? current.since : clock.now(), reason };
    if (connected) first.resolve();
    if (connected) options.onConnected?.();
    if (connected) log.info({ openSockets: open }, "Slack is connected");
    else if (reason === "chat_auth") log.error({ reason }, "Slack refuses the token: renew it. Rollouts go on; the CLI works");
    else log.warn({ reason }, "Slack is not connected. Rollouts go on; the CLI works");
  }

  return {
    socketOpened() {
      open += 1;
      update();
    },
    socketClosed() {
      open -= 1;
      update();
    },
    openSockets: () => open,
    socketFault(reason) {
      socketReason = reason;
      update();
    },
    tokenChecked(fault) {
      tokenFault = fault;
      update();
    },
    connected: first.promise,
    state: () => current,
  };
}
