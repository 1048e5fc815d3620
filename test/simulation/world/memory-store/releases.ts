import type { ReleaseStore } from "../../../../src/app/store.ts";
import type { Release } from "../../../../src/core/release.ts";
import type { Chain } from "./history.ts";
import { createTable, type Ledger } from "./ledger.ts";

type Row = { readonly release: Release; readonly specHash: string };

export function releaseStore(ledger: Ledger, chain: Chain): ReleaseStore {
  const rows = createTable<string, Row>(ledger);
  const keyOf = (service: string, number: number) => `${service} ${number}`;
  const ofService = (service: string) => [...rows.values()].filter((row) => row.release.service === service);

  function same(facts: { service: string; digest: string; specHash: string }): Release | null {
    const fits = (row: Row) => row.release.digest === facts.digest && row.specHash === facts.specHash;
    return ofService(facts.service).find(fits)?.release ?? null;
  }

  return {
    find: (service, number) => rows.get(keyOf(service, number))?.release ?? null,
    brief(service, number) {
      const found = rows.get(keyOf(service, number))?.release;
      return found === undefined ? null : { number, commit: found.commit, digest: found.digest };
    },
    same,
    intern(facts) {
      const { service, commit, digest, spec, specHash } = facts;
      const known = same(facts);
      if (known !== null) return known;
      const isFree = facts.number !== undefined && !rows.get(keyOf(service, facts.number));
      const highest = ofService(service).reduce((max, row) => Math.max(max, row.release.number), 0);
      const number = isFree && facts.number !== undefined ? facts.number : highest + 1;
      const release: Release = { service, number, commit, digest, spec };
      return ledger.transact(() => {
        rows.set(keyOf(service, number), { release, specHash });
        chain.add(`release ${service} ${number} ${digest} ${specHash} ${facts.at} ${facts.by}`);
        return release;
      });
    },
  };
}
