/** What every store does, whatever it is made of: the application relies on no more and no less. */
import { describe, test } from "node:test";
import type { Store } from "../../../src/app/store.ts";
import { ends, line } from "./ends.ts";
import { history, judgements } from "./judgements.ts";
import { queues, standing } from "./queues.ts";
import { rollouts } from "./rollouts.ts";
import { slots } from "./slots.ts";

/** One sentence about a store that begins empty. */
export type Tells = (sentence: string, tell: (store: Store) => void) => void;

/** `open` makes an empty store; it is closed at the end of its test. */
export function storeContract(name: string, open: () => Store): void {
  const tells: Tells = (sentence, tell) => {
    test(sentence, () => {
      const store = open();
      try {
        tell(store);
      } finally {
        store.close();
      }
    });
  };
  describe(name, () => {
    for (const tell of [rollouts, ends, line, slots, judgements, standing, queues, history]) tell(tells);
  });
}
