import type { ReleaseStore } from "../../../../src/app/store.ts";
import type { Release } from "../../../../src/core/release.ts";
import type { Chain } from "./history.ts";
import { createTable, type Ledger } from "./ledger.ts";

type Row = { readonly release: Release; readonly specHash: string };

export function releaseStore(ledger: Ledger, chain: Chain): ReleaseStore {
  const rows = createTable<string, Row>(ledger);
  const keyOf = (service: string, number: number) => `${service} ${number}`;
  return {
    find: (service, number) => rows.get(keyOf(service, number))?.release ?? null,
    intern(facts) {
      const { service, commit, digest, spec, specHash } = facts;
      let number = 1;
      for (; ; number += 1) {
        const known = rows.get(keyOf(service, number));
        if (known === undefined) break;
        if (known.release.digest === digest && known.specHash === specHash) return known.release;
      }
      const release: Release = { service, number, commit, digest, spec };
      return ledger.transact(() => {
        rows.set(keyOf(service, number), { release, specHash });
        chain.add({ kind: "release", service, number, digest, specHash, at: facts.at, by: facts.by });
        return release;
      });
    },
  };
}
