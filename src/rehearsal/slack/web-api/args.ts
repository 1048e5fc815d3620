/** Arguments of a Web API call: form fields with JSON inside, or a JSON body. Both mean the same. */
import { ApiError } from "../api-error.ts";
import type { Block, JsonObject } from "../types.ts";

export class Args {
  readonly raw: JsonObject;

  constructor(raw: JsonObject) {
    this.raw = raw;
  }

  has(name: string): boolean {
    return this.raw[name] !== undefined && this.raw[name] !== null;
  }

  string(name: string): string | undefined {
    const value = this.raw[name];
    if (value === undefined || value === null) return undefined;
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  }

  /** Missing or empty: the error code given, or Slack's general one. */
  required(name: string, code = "invalid_arguments"): string {
    const value = this.string(name);
    if (value === undefined || value === "") {
      throw new ApiError(code, { response_metadata: { messages: [`[ERROR] missing required field: ${name}`] } });
    }
    return value;
  }

  flag(name: string): boolean {
    const value = this.raw[name];
    return value === true || value === "true" || value === "1" || value === 1;
  }

  number(name: string): number | undefined {
    const value = this.string(name);
    return value === undefined || value === "" || Number.isNaN(Number(value)) ? undefined : Number(value);
  }

  /** A nested value, parsed when it came as a string. `code`: the error when it is not JSON. */
  nested(name: string, code: string): unknown {
    const value = this.raw[name];
    if (typeof value !== "string") return value ?? undefined;
    if (value === "") return undefined;
    try {
      return JSON.parse(value);
    } catch {
      throw new ApiError(code);
    }
  }

  /** `undefined` when not given; `invalid_blocks_format` when it is not a list. */
  blocks(): readonly Block[] | undefined {
    const blocks = this.nested("blocks", "invalid_blocks_format");
    if (blocks === undefined) return undefined;
    if (!Array.isArray(blocks)) throw new ApiError("invalid_blocks_format");
    return blocks as readonly Block[];
  }
}

/** The arguments of a request's body and query. Throws ApiError when the body cannot be read. */
export function parseArgs(facts: { contentType: string; body: string; query: URLSearchParams }): Args {
  const query = Object.fromEntries(facts.query);
  if (facts.contentType.startsWith("application/json")) {
    return new Args({ ...query, ...parseJsonBody(facts.body) });
  }
  return new Args({ ...query, ...Object.fromEntries(new URLSearchParams(facts.body)) });
}

function parseJsonBody(body: string): JsonObject {
  if (body.trim() === "") return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new ApiError("invalid_json");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new ApiError("json_not_object");
  return parsed as JsonObject;
}
