/** Images of supporting containers and versions of secrets are pinned in a release; the service file has none of that. */
import { canonicalJson } from "./plan.ts";
import type { ReleaseSpec } from "./release.ts";
import { withoutVersions, withSecrets } from "./secrets.ts";

/** As the service file says it. */
function withoutPins(release: ReleaseSpec): ReleaseSpec {
  const spec = withSecrets(release, withoutVersions);
  if (spec.supporting === undefined) return spec;
  return { ...spec, supporting: spec.supporting.map((one) => ({ ...one, digest: null })) };
}

/** The file says something else by now than when the release was made; what a tag or a secret has come to be since is not its business. */
export function wasEdited(file: ReleaseSpec, release: ReleaseSpec): boolean {
  return file !== release && canonicalJson(withoutPins(file)) !== canonicalJson(withoutPins(release));
}

/** An image that a host needs for a release. `member`: null for the released container. */
export type ReleaseImage = { readonly member: string | null; readonly image: string; readonly digest: string };

/** Each digest once: the released image first, then those of the supporting containers with an image of their own. */
export function imagesOf({ digest, spec }: { readonly digest: string; readonly spec: ReleaseSpec }): readonly ReleaseImage[] {
  const released: ReleaseImage = { member: null, image: spec.container.image, digest };
  const images = new Map([[digest, released]]);
  for (const { name, container, digest: pinned } of spec.supporting ?? []) {
    if (pinned !== null && !images.has(pinned)) images.set(pinned, { member: name, image: container.image, digest: pinned });
  }
  return [...images.values()];
}
