/** Signs a request to AWS. Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
import { createHash, createHmac } from "node:crypto";

export type AwsKeys = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary keys. */
  readonly sessionToken: string | null;
};

export type Unsigned = {
  readonly method: "GET" | "POST";
  /** Path and query are taken as they stand: encoded, parameters in order. */
  readonly url: URL;
  /** Names in lower case. `host` is added. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** The headers to send: those given, `x-amz-date`, the session token, and the authorization. */
export function signed(
  request: Unsigned,
  facts: { readonly keys: AwsKeys; readonly region: string; readonly service: string; readonly at: Date },
): Record<string, string> {
  const { keys, region, service } = facts;
  const at = facts.at.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const token = keys.sessionToken === null ? {} : { "x-amz-security-token": keys.sessionToken };
  const headers: Record<string, string> = { ...request.headers, ...token, host: request.url.host, "x-amz-date": at };
  const names = Object.keys(headers).sort();
  const canonical = [
    request.method,
    request.url.pathname,
    request.url.searchParams.toString(),
    ...names.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/\s+/g, " ")}`),
    "",
    names.join(";"),
    sha256(request.body),
  ].join("\n");
  const scope = `${at.slice(0, 8)}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", at, scope, sha256(canonical)].join("\n");
  const key = [at.slice(0, 8), region, service, "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${keys.secretAccessKey}`);
  const signature = createHmac("sha256", key).update(text).digest("hex");
  const credential = `Credential=${keys.accessKeyId}/${scope}`;
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
  };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
