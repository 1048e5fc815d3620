import type { JsonObject } from "./types.ts";

/** A call that Slack answers with `{ok: false, error}`. */
export class ApiError extends Error {
  readonly code: string;
  readonly extra: JsonObject;
  constructor(code: string, extra: JsonObject = {}) {
    super(code);
    this.code = code;
    this.extra = extra;
  }
}
