/** Compose's `healthcheck`: the container's own. */
import type { ContainerHealthcheck } from "../core/release.ts";
import { given } from "./given.ts";
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
    "The command: a line for the shell, or a list that begins with CMD. Default: the image's own.",
  ),
  interval: field(duration({ minMs: 1, maxMs }), "Between two runs. Default: the image's, else 30s."),
  timeout: field(duration({ minMs: 1, maxMs }), "For one run. Default: the image's, else 30s."),
  retries: field(integer({ min: 1, max: 1000 }), "Failures in a row that make it unhealthy. Default: the image's, else 3."),
  start_period: field(duration({ minMs: 0, maxMs }), "Failures this early do not count. Default: the image's, else 0s."),
  start_interval: field(
    duration({ minMs: 1, maxMs }),
    "Between two runs in the start period. Engines before 25 pass it over and use the interval.",
  ),
  disable: field(truth, "true switches the image's own healthcheck off."),
};

export const healthcheck: Shape<ContainerHealthcheck> = refined(record({ expected: "a map with test", fields }), meant);

/** What is not said stays open (0, or no words), as in Compose: the image's own check fills it in. */
function meant(raw: RecordOf<typeof fields>, spot: Spot, report: Report): { value: ContainerHealthcheck } | null {
  if (raw.disable === true || raw.test?.[0] === "NONE") return { value: { disabled: true } };
  const { test = [], interval = 0, timeout = 0, retries = 0, start_period = 0, start_interval } = raw;
  if (Object.values(raw).every((value) => value === undefined)) {
    report(spot, { what: "an empty healthcheck", fix: "write test:, or disable: true" });
    return null;
  }
  const times = { intervalMs: interval, timeoutMs: timeout, retries, startPeriodMs: start_period };
  return { value: { disabled: false, test, ...times, ...given({ startIntervalMs: start_interval }) } };
}
