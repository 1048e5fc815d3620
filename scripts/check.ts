// `npm run check`: Biome, tsc, knip and the policy tests. Says what failed, in full, and exits non-zero.
import { checks, policyCheck, runCheck } from "./checks.ts";

const results = await Promise.all(
  [...checks, policyCheck()].map(async (check) => {
    const { ok, output } = await runCheck(check);
    process.stdout.write(ok ? `ok      ${check.name}\n` : `FAILED  ${check.name}\n${output}\n`);
    return { name: check.name, ok };
  }),
);
const failed = results.filter((result) => !result.ok).map((result) => result.name);
if (failed.length > 0) process.stdout.write(`\n${failed.length} of ${results.length} checks failed: ${failed.join(", ")}\n`);
process.exitCode = failed.length > 0 ? 1 : 0;
