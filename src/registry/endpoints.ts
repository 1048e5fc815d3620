/** Where a repository can be asked: its registry first, then the mirrors, in order. */
/** What gantry.yml says of one registry. */
export type RegistrySetting = { readonly host: string; readonly mirrors: readonly string[]; readonly insecure: boolean };

export type Endpoint = {
  /** As written in image names and in Docker's config. */
  readonly host: string;
  /** `https://host`, without a slash at the end. */
  readonly origin: string;
};

export type Located = { readonly endpoints: readonly [Endpoint, ...Endpoint[]]; readonly path: string };

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/;

/** `registry.example.com/team/api` to the endpoints and the path `team/api`. Throws RangeError when there is no registry in it. */
export function locate(repository: string, registries: readonly RegistrySetting[]): Located {
  const slash = repository.indexOf("/");
  if (slash < 1) throw new RangeError(`no registry in ${repository}`);
  const host = repository.slice(0, slash);
  const path = repository.slice(slash + 1);
  const mirrors = registries.find((registry) => registry.host === host)?.mirrors ?? [];
  // Docker Hub keeps images without an owner under library/.
  const hubPath = host === "docker.io" && !path.includes("/") ? `library/${path}` : path;
  return { endpoints: [endpointOf(host, registries), ...mirrors.map((mirror) => endpointOf(mirror, registries))], path: hubPath };
}

/** Plain http only for this machine's own registries and for those that gantry.yml calls insecure. */
export function endpointOf(host: string, registries: readonly RegistrySetting[]): Endpoint {
  const insecure = loopback.test(host) || registries.some((registry) => registry.host === host && registry.insecure);
  const server = host === "docker.io" ? "registry-1.docker.io" : host;
  return { host, origin: `${insecure ? "http" : "https"}://${server}` };
}
