/** What the images of supporting containers are, asked once, when the release is made: a tag may name another tomorrow. */
import type { ServiceConfig } from "../config/valid.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import { isDigest, type ReleaseSpec, type SupportingSpec } from "../core/release.ts";
import { isRefusal } from "./asked.ts";
import { OutsideError, type Registry } from "./ports.ts";

/** The service's spec with the digest of each; the very same where there is nothing to pin. Refuses when one is not to be had. */
export async function pinned(registry: Registry, service: ServiceConfig): Promise<ReleaseSpec | Refusal> {
  const { spec } = service;
  if (spec.supporting === undefined) return spec;
  const all = await Promise.all(spec.supporting.map((one) => pin(registry, service, one)));
  const supporting: SupportingSpec[] = [];
  for (const one of all) {
    if (isRefusal(one)) return one;
    supporting.push(one);
  }
  return { ...spec, supporting };
}

async function pin(registry: Registry, service: ServiceConfig, one: SupportingSpec): Promise<SupportingSpec | Refusal> {
  const { name, reference, container } = one;
  if (reference === null) return one;
  const image = `${container.image}${isDigest(reference) ? "@" : ":"}${reference}`;
  const where = `The image of the container ${name} (${service.file})`;
  try {
    const digest = await registry.digest(container.image, reference);
    if (digest === null || !isDigest(digest)) return refuse("image_missing", `${where} is not in the registry: ${image}.`);
    if (isDigest(reference) && digest !== reference) {
      return refuse("digest_mismatch", `${where} is not what the registry gives for ${image}: that is ${digest}.`);
    }
    return { ...one, digest };
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    return refuse(error.reason, `${where} cannot be looked up: ${error.message}`);
  }
}
