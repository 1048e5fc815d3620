/**
 * Keys for AWS from where a machine usually has them, in the order of the SDKs: the environment, the container's own
 * endpoint (ECS, EKS), the instance's (EC2, version 2 of its protocol only).
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
import { readFile } from "node:fs/promises";
import type { AwsKeys } from "./sigv4.ts";
import type { Ask, Wire } from "./wire.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const waitMs = 2_000;
const taskHost = "http://169.254.170.2";
const instanceHost = "http://169.254.169.254";

/** Null when this machine has none. Never rejects. */
export async function awsKeys(env: Environment, wire: Wire): Promise<AwsKeys | null> {
  return ownKeys(env) ?? (await containerKeys(env, wire)) ?? (await instanceKeys(env, wire));
}

function ownKeys(env: Environment): AwsKeys | null {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return null;
  return { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, sessionToken: AWS_SESSION_TOKEN || null };
}

async function containerKeys(env: Environment, wire: Wire): Promise<AwsKeys | null> {
  const relative = env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
  const url = relative ? `${taskHost}${relative}` : env["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
  if (!url || !URL.canParse(url)) return null;
  const file = env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
  const token = file ? await readFile(file, "utf8").catch(() => "") : (env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] ?? "");
  const headers: Record<string, string> = token.trim() === "" ? {} : { authorization: token.trim() };
  return keysIn(await text(wire, { method: "GET", url, headers }));
}

async function instanceKeys(env: Environment, wire: Wire): Promise<AwsKeys | null> {
  if (env["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true") return null;
  const base = `${env["AWS_EC2_METADATA_SERVICE_ENDPOINT"]?.replace(/\/$/, "") || instanceHost}/latest`;
  const ask = { "x-aws-ec2-metadata-token-ttl-seconds": "300" };
  const token = await text(wire, { method: "PUT", url: `${base}/api/token`, headers: ask });
  if (token === null) return null;
  const headers = { "x-aws-ec2-metadata-token": token };
  const path = `${base}/meta-data/iam/security-credentials/`;
  const role = (await text(wire, { method: "GET", url: path, headers }))?.split("\n")[0];
  return role ? keysIn(await text(wire, { method: "GET", url: `${path}${role}`, headers })) : null;
}

async function text(wire: Wire, ask: Omit<Ask, "deadlineAt">): Promise<string | null> {
  const answer = await wire.ask({ ...ask, deadlineAt: performance.now() + waitMs }).catch(() => null);
  return answer?.status === 200 ? answer.body.toString("utf8").trim() : null;
}

function keysIn(answer: string | null): AwsKeys | null {
  try {
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(answer ?? "") as Record<string, unknown>;
    if (typeof AccessKeyId !== "string" || typeof SecretAccessKey !== "string") return null;
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: typeof Token === "string" ? Token : null };
  } catch {
    return null;
  }
}
