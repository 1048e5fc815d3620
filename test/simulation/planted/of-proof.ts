/** Planted bugs about what proves that a release is good. */
import type { PlantedBug } from "./bugs.ts";

export const bugsOfProof: readonly PlantedBug[] = [
  {
    name: "soak_skipped_after_restart",
    is: "a soak counts as over when the server has started since",
    edits: [
      {
        file: "src/app/conductor.ts",
        text: "      timers.recover();",
        instead: `
          for (const { number, state } of store.rollouts.allActive()) {
            if (state.phase === "soaking" && state.soakEndsAt !== null) tell(number, { type: "soaked", at: state.soakEndsAt });
          }
          timers.recover();`,
      },
    ],
    shownBy: 31,
  },
  {
    name: "soak_without_proof",
    is: "a soak ends by time alone",
    edits: [
      {
        file: "src/app/soak-proof.ts",
        text: "if (silent.length === 0) {",
        instead: "if (silent.length >= 0) {",
      },
    ],
    shownBy: 3,
  },
  {
    name: "verdict_before_soak",
    is: "a release is judged good when the soak begins",
    edits: [
      {
        file: "src/core/rollout-forward.ts",
        text: "return runClocks(soaking, { soakMs: ms, progressMs: null }, at);",
        instead:
          'return also(runClocks(soaking, { soakMs: ms, progressMs: null }, at), verdict({ release: m.state.release, verdict: "good" }));',
      },
    ],
    shownBy: 3,
  },
  {
    name: "unchanged_not_proved",
    is: "hosts that served the release already are no part of the proof",
    edits: [
      {
        file: "src/app/soak-proof.ts",
        text: "state.hosts.filter((h) => isMeantToServe(h) && !isProved(",
        instead: 'state.hosts.filter((h) => h.status === "healthy" && !isProved(',
      },
    ],
    shownBy: 339,
  },
];
