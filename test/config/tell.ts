import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { saysOfService } from "./files.ts";

/** A service file and everything that is said of it. */
export type Case = readonly [name: string, text: string | Buffer, ...lines: string[]];

export async function tell(t: TestContext, cases: readonly Case[]): Promise<void> {
  for (const [name, text, ...lines] of cases) await t.test(name, () => assert.deepEqual(saysOfService(text), lines));
}
