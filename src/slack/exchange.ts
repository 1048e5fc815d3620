import type { Clock, Log } from "../app/ports.ts";

/** One request of Slack's and its acknowledgement. */
export type Exchange = {
  readonly key: string;
  readonly receivedAt: number;
  /** Acknowledges once; later calls do nothing. Never rejects: what was recorded is done even if Slack did not hear us. */
  ack(answer?: string | object): Promise<void>;
  acked(): boolean;
};

export function openExchange(options: {
  readonly key: string;
  readonly send: (answer?: string | object) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly ackWarnMs: number;
  readonly onAck: (seconds: number) => void;
}): Exchange {
  const { key, clock, log, ackWarnMs } = options;
  const receivedAt = clock.now();
  let acked = false;
  // Socket Mode gives no sign of a missed acknowledgement: without this nobody would know.
  const cancelWatch = clock.wakeAt(receivedAt + ackWarnMs, () =>
    log.warn({ key, ms: ackWarnMs }, "Not acknowledged yet; Slack waits 3 s"),
  );
  return {
    key,
    receivedAt,
    acked: () => acked,
    async ack(answer) {
      if (acked) return;
      acked = true;
      cancelWatch();
      const tookMs = clock.now() - receivedAt;
      options.onAck(tookMs / 1_000);
      // The watch is a timer: a blocked event loop holds it up as well.
      if (tookMs >= ackWarnMs) log.warn({ key, tookMs }, "Acknowledged late; Slack waits 3 s");
      try {
        await options.send(answer);
      } catch (error) {
        log.warn({ key, error: String(error) }, "The acknowledgement did not reach Slack");
      }
    },
  };
}
