/** Approvals that were given, and could not be given now: whoever has lost the role since does not decide any more. */
import type { Refusal } from "../core/reasons.ts";
import type { LapsedApproval } from "../core/rollout-state.ts";
import { approvalsFor, cannotApprove } from "./asked.ts";
import type { People } from "./people.ts";
import { nameOf, type Place } from "./place.ts";
import type { StoredRollout } from "./store.ts";

/** By the roles and rules of this moment. A refusal (`chat_unreachable`): nobody says now who holds the role of one of them. */
export async function lapsedApprovals(
  people: Pick<People, "refusal">,
  { stored, place }: { readonly stored: StoredRollout; readonly place: Place },
): Promise<readonly LapsedApproval[] | Refusal> {
  const { state, allowBad } = stored;
  const { required, from, notRequester } = approvalsFor(place.environment, allowBad !== null);
  if (required === 0) return [];
  const lapsed: LapsedApproval[] = [];
  for (const { by } of state.approvals) {
    const refusal = await people.refusal({ actor: by, roles: from, what: `approve for ${nameOf(place)}` });
    if (refusal?.reason === "chat_unreachable") return refusal;
    if (refusal !== null) lapsed.push({ by, why: `no longer one of ${from.join(" or ")}` });
    else if (notRequester && cannotApprove(state.requester, by) !== null)
      lapsed.push({ by, why: "the requester may not approve by now" });
  }
  return lapsed;
}
