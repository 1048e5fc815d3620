/** What an oracle says when something is not as it must be. */
export type Violation = { readonly id: string; readonly at: number; readonly text: string };

/** What a seed has reached, so that a dead workload is noticed. */
export type Reached = Record<string, number>;
