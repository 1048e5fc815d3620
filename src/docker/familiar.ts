/** Names of images as the engine shows them: what is on Docker Hub loses its registry, and `library/` before its name. */

/** Also for a reference with tag or digest. https://github.com/distribution/reference/blob/main/normalize.go */
export function familiar(reference: string): string {
  const bare = reference.replace(/^(?:index\.)?docker\.io\//, "");
  return bare === reference && !isOnHub(reference) ? reference : bare.replace(/^library\/(?=[^/]+$)/, "");
}

/** The first part is a registry when it looks like a host: Docker's own rule. */
function isOnHub(reference: string): boolean {
  const [first = "", ...rest] = reference.split("/");
  return rest.length === 0 || !(first === "localhost" || /[.:]/.test(first));
}
