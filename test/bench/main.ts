/**
 * `npm run bench [heart|swaps|strategies|hosts] [ROUNDS]`: Gantry's figures beside what a user would do by hand, in one run on one machine.
 * `npm run bench -- hosts 50` starts that many Docker hosts (10 unless said) and removes them; only when asked for.
 * Exits 1 when a figure misses its target. Not part of `npm test`: a busy machine says nothing about the code.
 */
import { benchHeart } from "./heart.ts";
import { benchHosts } from "./hosts.ts";
import { createJudge } from "./judge.ts";
import { benchStrategies } from "./strategies-main.ts";
import { benchSwaps } from "./swaps.ts";

const words = process.argv.slice(2);
const number = words.find((word) => /^\d+$/.test(word));
const rounds = Number(number ?? 12);
const all = !["heart", "swaps", "strategies", "hosts"].some((word) => words.includes(word));
const { judge, missed } = createJudge();
if (all || words.includes("heart")) await benchHeart(judge);
if (all || words.includes("swaps")) await benchSwaps(rounds, judge);
if (all || words.includes("strategies")) await benchStrategies(rounds, judge);
if (words.includes("hosts")) await benchHosts(Number(number ?? 10), judge);
if (missed.length > 0) process.exitCode = 1;
