import { ChatError, type Clock, type Log } from "../app/ports.ts";
import type { Call } from "./api.ts";
import type { Health } from "./health.ts";
import { botScopes } from "./scopes.ts";
import { backoffMs, type Timing } from "./timing.ts";

/** Who we are in which workspace: `auth.test`. It does not change while the process lives. */
export type Identity = { readonly team: string; readonly botUser: string; readonly botId: string };

export type IdentityKeeper = {
  /** Null until Slack has answered once. */
  known(): Identity | null;
  /** Resolves when it is known; never, while the token is refused. */
  readonly found: Promise<Identity>;
  /** Asks Slack now, and again until it agrees; does nothing while that is going on. Never throws. */
  check(): void;
  stop(): void;
};

/** Asks `auth.test` until it succeeds: at the start, and whenever a call failed in a way that may concern all calls. */
export function keepIdentity(options: {
  readonly call: Call;
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  readonly timing: Timing;
}): IdentityKeeper {
  const { call, clock, log, health, timing } = options;
  const { promise: found, resolve: resolveFound } = Promise.withResolvers<Identity>();
  let known: Identity | null = null;
  let asking = false;
  let stopped = false;
  let cancelWake = () => {};

  async function ask(failures: number): Promise<void> {
    try {
      const answer = await call("auth.test");
      known ??= identityOf(answer);
      warnOfMissingScopes(answer.response_metadata?.scopes);
      asking = false;
      health.tokenChecked(null);
      resolveFound(known);
    } catch (error) {
      const reason = error instanceof ChatError ? error.reason : "internal";
      health.tokenChecked(reason);
      log.warn({ reason, error: String(error), failures }, "auth.test failed");
      if (!stopped) cancelWake = clock.wakeAt(clock.now() + backoffMs(failures + 1, timing), () => void ask(failures + 1));
    }
  }

  /** Doctor's question too: a scope that was not granted shows up here, not at three in the morning. */
  function warnOfMissingScopes(granted: readonly string[] | undefined): void {
    const missing = granted === undefined ? [] : botScopes.filter((scope) => !granted.includes(scope));
    if (missing.length > 0) log.warn({ missing }, "The Slack app lacks scopes: install it again from manifest.yml");
  }

  return {
    known: () => known,
    found,
    check() {
      if (asking || stopped) return;
      asking = true;
      void ask(0);
    },
    stop() {
      stopped = true;
      cancelWake();
    },
  };
}

function identityOf(answer: Record<string, unknown>): Identity {
  const { team_id: team, user_id: botUser, bot_id: botId } = answer;
  if (typeof team !== "string" || typeof botUser !== "string" || typeof botId !== "string") {
    throw new ChatError({ kind: "retry", reason: "chat_auth", message: "SLACK_BOT_TOKEN is not a bot token (xoxb-…)." });
  }
  return { team, botUser, botId };
}
