import { sampleHistory } from "../../../examples/sample-service/history.ts";
import type { SampleTicket } from "../jira/server.ts";

/** The tickets that the sample commits name. */
export function sampleTickets(): SampleTicket[] {
  return sampleHistory.flatMap(({ title }) => {
    const [key] = /[A-Z]+-\d+/.exec(title) ?? [];
    return key === undefined ? [] : [{ key, summary: title.replace(/^[A-Z]+-\d+: /, ""), status: "In Review" }];
  });
}
