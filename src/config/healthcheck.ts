/** Compose's `healthcheck`: the container's own. */
import type { ContainerHealthcheck } from "../core/release.ts";
import type { Report, Spot } from "./raw.ts";
import { duration, integer, text, truth } from "./scalars.ts";
import { byKind, field, listOf, type RecordOf, record, refined, type Shape } from "./shape.ts";

const maxMs = 24 * 3_600_000;

const shellTest = refined(text({ expected: "a command line" }), (line, spot, report) => {
  if (line.trim() !== "") return { value: ["CMD-SHELL", line] as readonly string[] };
  report(spot, { what: "an empty command", fix: "write the command that tells the health" });
  return null;
});

const wordsTest = refined(listOf(text({ expected: "a word" })), (words, spot, report) => {
  const [form] = words;
  const good =
    form === "NONE" ? words.length === 1 : form === "CMD-SHELL" ? words.length === 2 : form === "CMD" && words.length > 1;
  if (good) return { value: words };
  report(spot, { what: "a test of an unknown form", fix: 'write ["CMD", "word", …], ["CMD-SHELL", "line"] or ["NONE"]' });
  return null;
});

const fields = {
  test: field(
    byKind({ expected: "a command line or a list", text: shellTest, list: wordsTest }),
    "The command: a line for the shell, or a list that begins with CMD.",
  ),
  interval: field(duration({ minMs: 1, maxMs }), "Between two runs. Default 30s."),
  timeout: field(duration({ minMs: 1, maxMs }), "For one run. Default 30s."),
  retries: field(integer({ min: 1, max: 1000 }), "Failures in a row that make it unhealthy. Default 3."),
  start_period: field(duration({ minMs: 0, maxMs }), "Failures this early do not count. Default 0s."),
  disable: field(truth, "true switches the image's own healthcheck off."),
};

export const healthcheck: Shape<ContainerHealthcheck> = refined(
  record({
    expected: "a map with test",
    fields,
    refused: {
      start_interval: {
        what: "start_interval: it is not supported yet",
        fix: "remove it: Gantry probes fast while a container starts",
      },
    },
  }),
  meant,
);

function meant(raw: RecordOf<typeof fields>, spot: Spot, report: Report): { value: ContainerHealthcheck } | null {
  if (raw.disable === true || raw.test?.[0] === "NONE") return { value: { disabled: true } };
  if (raw.test === undefined) {
    report(spot, { what: "a healthcheck without test", fix: "write test:, or disable: true" });
    return null;
  }
  const { test, interval = 30_000, timeout = 30_000, retries = 3, start_period = 0 } = raw;
  return { value: { disabled: false, test, intervalMs: interval, timeoutMs: timeout, retries, startPeriodMs: start_period } };
}
