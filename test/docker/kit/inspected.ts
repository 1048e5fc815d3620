/** `docker inspect`, without what must differ between a container that Compose started and one that Gantry started. */

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Inspected = { readonly [key: string]: Json };

/**
 * Where they differ for a reason. `same` makes one form of both; without it the place is left out.
 * Paths are those of `docker inspect`.
 */
type Excuse = { readonly path: string; readonly why: string; readonly same?: (value: Json, whole: Inspected) => Json };

const excuses: readonly Excuse[] = [
  { path: "Config.Image", why: "a tag there, the approved digest here; the image's id is compared" },
  { path: "Config.Labels", why: "each has labels of its own; the file's are compared", same: (labels) => withoutOwn(labels) },
  { path: "Config.Env", why: "the order means nothing", same: sorted },
  { path: "Config.StopTimeout", why: "said by Gantry always: 10 s is the engine's own default", same: (value) => value ?? 10 },
  { path: "Config.AttachStdout", why: "Compose's way to call the engine; nobody is attached to either" },
  { path: "Config.AttachStderr", why: "as AttachStdout" },
  { path: "Config.Volumes", why: "old Compose names mounts here as well; the mounts are compared" },
  { path: "Config.Hostname", why: "the engine's own, from the id, unless the file says one", same: ownName },
  { path: "HostConfig.Binds", why: "one of two ways to ask for a mount; the mounts that came of it are compared" },
  { path: "HostConfig.Mounts", why: "as Binds" },
  { path: "HostConfig.VolumesFrom", why: "an empty list and nothing are the same", same: emptyAsNull },
  { path: "HostConfig.Links", why: "as VolumesFrom", same: emptyAsNull },
  { path: "HostConfig.ExtraHosts", why: "as VolumesFrom; the order means nothing", same: (value) => emptyAsNull(sorted(value)) },
  { path: "HostConfig.Dns", why: "as VolumesFrom", same: emptyAsNull },
  { path: "HostConfig.DnsSearch", why: "as VolumesFrom", same: emptyAsNull },
  { path: "HostConfig.DnsOptions", why: "as VolumesFrom", same: emptyAsNull },
  { path: "HostConfig.Ulimits", why: "as ExtraHosts", same: (value) => emptyAsNull(sorted(value)) },
  { path: "HostConfig.PortBindings", why: "as VolumesFrom", same: emptyAsNull },
  {
    path: "HostConfig.RestartPolicy",
    why: "Gantry's container serves under unless-stopped when the file says nothing: Pinterest's default",
    same: (policy) => (["", "no"].includes(String((policy as Inspected)["Name"])) ? "unless-stopped" : servingPolicy(policy)),
  },
  { path: "HostConfig.ContainerIDFile", why: "a file of whoever called" },
];

/** What of a container is compared, with the excuses applied. */
export function comparable(inspected: Inspected): Inspected {
  const kept = {
    Image: inspected["Image"] ?? null,
    Path: inspected["Path"] ?? null,
    Args: inspected["Args"] ?? null,
    AppArmorProfile: inspected["AppArmorProfile"] ?? null,
    Config: inspected["Config"] ?? null,
    HostConfig: inspected["HostConfig"] ?? null,
    Mounts: sorted((inspected["Mounts"] as readonly Inspected[]).map(mount)),
    Ports: publishedIn(inspected),
  };
  return Object.fromEntries(Object.entries(kept).map(([part, value]) => [part, excused(part, value, inspected)]));
}

function excused(part: string, value: Json, whole: Inspected): Json {
  if (part !== "Config" && part !== "HostConfig") return value;
  const fields = { ...(value as Inspected) };
  for (const { path, same } of excuses.filter((excuse) => excuse.path.startsWith(`${part}.`))) {
    const key = path.slice(part.length + 1);
    const made = same === undefined ? null : same(fields[key] ?? null, whole);
    if (made === null) delete fields[key];
    else fields[key] = made;
  }
  return fields;
}

/** How a mount was asked for shows in its Mode; what it is, in the rest. */
function mount({ Mode: _mode, ...rest }: Inspected): Inspected {
  return rest;
}

/** A port that the engine chose differs each time. */
function publishedIn(inspected: Inspected): Json {
  const ports = ((inspected["NetworkSettings"] as Inspected)["Ports"] ?? {}) as Record<string, readonly Inspected[] | null>;
  const asked = ((inspected["HostConfig"] as Inspected)["PortBindings"] ?? {}) as Record<string, readonly Inspected[] | null>;
  return Object.fromEntries(
    Object.entries(ports).map(([key, bound]) => {
      const isChosen = asked[key]?.some(({ HostPort }) => HostPort === "") ?? false;
      return [key, bound === null ? null : isChosen ? bound.length : sorted(bound)];
    }),
  );
}

function servingPolicy(policy: Json): Json {
  const { Name, MaximumRetryCount } = policy as Inspected;
  return Name === "unless-stopped" && MaximumRetryCount === 0 ? Name : policy;
}

function withoutOwn(labels: Json): Json {
  const own = /^(com\.docker\.compose|gantry)\./;
  return Object.fromEntries(Object.entries(labels as Inspected).filter(([key]) => !own.test(key)));
}

function ownName(name: Json, whole: Inspected): Json {
  return typeof name === "string" && String(whole["Id"]).startsWith(name) ? null : name;
}

function sorted(value: Json): Json {
  return Array.isArray(value) ? [...value].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : value;
}

function emptyAsNull(value: Json): Json {
  return value !== null && typeof value === "object" && Object.keys(value).length === 0 ? null : value;
}
