/** What OpenSSL finds wrong when a host's clock is. */
const dateFaults: readonly (string | undefined)[] = ["CERT_NOT_YET_VALID", "CERT_HAS_EXPIRED"];

/** One line for the agent's operator. A certificate out of its time is as often a clock that is wrong. */
export function whyNoConnection(error: Error & { readonly code?: string }, now: number): string {
  if (!dateFaults.includes(error.code)) return error.message;
  return `${error.message}; this host says that today is ${new Date(now).toISOString().slice(0, 10)}: is its clock right?`;
}
