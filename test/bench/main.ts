/**
 * `npm run bench [heart|swaps] [ROUNDS]`: Gantry's figures beside what a user would do by hand, in one run on one machine.
 * Exits 1 when a figure misses its target. Not part of `npm test`: a busy machine says nothing about the code.
 */
import { benchHeart } from "./heart.ts";
import { createJudge } from "./judge.ts";
import { benchSwaps } from "./swaps.ts";

const words = process.argv.slice(2);
const rounds = Number(words.find((word) => /^\d+$/.test(word)) ?? 12);
const all = !words.includes("heart") && !words.includes("swaps");
const { judge, missed } = createJudge();
if (all || words.includes("heart")) await benchHeart(judge);
if (all || words.includes("swaps")) await benchSwaps(rounds, judge);
if (missed.length > 0) process.exitCode = 1;
