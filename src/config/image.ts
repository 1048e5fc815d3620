/** Image repositories: `registry.example.com/api`, without tag and digest. */
import type { Complaint } from "./raw.ts";
import { quote } from "./raw.ts";

const hostPattern = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::(\d{1,5}))?$/;
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

/** `host` or `host:port`. */
export function isRegistryHost(text: string): boolean {
  const match = hostPattern.exec(text);
  if (match === null || text.length > 253) return false;
  return match[1] === undefined || (Number(match[1]) > 0 && Number(match[1]) < 65_536);
}

/** The first part is a registry when it looks like a host: Docker's own rule. */
export function registryOf(image: string): string | null {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && (first === "localhost" || /[.:[]/.test(first));
  return isHost ? first : null;
}

export function parseImage(image: string): { readonly value: string } | Complaint {
  if (/^[a-z]+:\/\//i.test(image))
    return { what: `${quote(image)} has a scheme`, fix: `write ${image.replace(/^[a-z]+:\/\//i, "")}` };
  if (image.includes("@"))
    return { what: `${quote(image)} has a digest`, fix: `write ${withoutTag(image)}: Gantry adds the digest of the commit` };
  if (/:[^/]*$/.test(image) && registryOf(`${image}/`) !== image) {
    return { what: `${quote(image)} has a tag`, fix: `write ${withoutTag(image)}: Gantry adds the digest of the commit` };
  }
  const registry = registryOf(image);
  if (registry === null)
    return { what: `${quote(image)} does not say which registry`, fix: `write it with its host, such as docker.io/${image}` };
  const path = image.slice(registry.length + 1);
  if (!isRegistryHost(registry))
    return { what: `${quote(registry)} is not a registry host`, fix: "write host or host:port, in lower case" };
  if (!pathPattern.test(path) || image.length > 255) {
    return { what: `${quote(path)} is not a repository name`, fix: "use lower-case letters, digits, and . _ - / between them" };
  }
  return { value: image };
}

function withoutTag(image: string): string {
  const bare = image.split("@")[0] as string;
  return bare.replace(/:[^/:]*$/, "");
}
