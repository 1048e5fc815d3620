/** One Compose service to a `ContainerSpec`: the keys that Gantry honours, with its defaults. */
import type { ContainerSpec } from "../core/release.ts";
import { networkExtras, networkFields } from "./compose-network.ts";
import { processExtras, processFields } from "./compose-process.ts";
import { refusedServiceKeys } from "./compose-refused.ts";
import { type Resources, resourceFields, resourcesOf } from "./compose-resources.ts";
import { bindsOf, storageExtras, storageFields } from "./compose-storage.ts";
import { dependsOn } from "./depends-on.ts";
import { type EnvFiles, envFiles, environment } from "./environment-variables.ts";
import { extending } from "./extends.ts";
import { given } from "./given.ts";
import { healthcheck } from "./healthcheck.ts";
import { parseImage } from "./image.ts";
import type { Report, Spot } from "./raw.ts";
import { duration, oneOf, text } from "./scalars.ts";
import { type FileSecret, fileSecrets } from "./secrets.ts";
import { field, type Located, listOf, located, type RecordOf, record, refined, type Shape, scalar } from "./shape.ts";

const image = scalar({ expected: "an image repository", schema: { type: "string" }, parse: parseImage });
const hourMs = 3_600_000;

const always = {
  what: "restart: always would bring back what somebody stopped by hand, once the engine starts again",
  fix: "remove it: a live container restarts unless stopped",
};
const onFailure = {
  what: "restart: on-failure would leave a service down that ended by itself",
  fix: "remove it: a live container restarts unless stopped",
};

const fields = {
  image: field(
    located(image),
    "The image, with its registry. Of the released container without tag or digest; of another one with, unless it is the released image.",
  ),
  environment: field(environment, "Variables; secrets belong into x-gantry.secrets or env_file."),
  env_file: field(envFiles, "Files on the hosts with more variables."),
  secrets: field(
    fileSecrets,
    "Secrets that it reads as files; where their values come from is said at the top, or under x-gantry.",
  ),
  ...processFields,
  ...storageFields,
  healthcheck: field(healthcheck, "The container's own healthcheck."),
  stop_grace_period: field(duration({ minMs: 0, maxMs: hourMs }), "From the stop signal to the kill. Default 10s."),
  restart: field(
    located(oneOf(["unless-stopped", "no"], { always, "on-failure": onFailure })),
    "unless-stopped is what a live container has anyway; no, only for one that runs to its end before others start.",
  ),
  ...networkFields,
  ...resourceFields,
  depends_on: field(dependsOn, "Containers of this file that must run, be healthy, or have ended well before this one starts."),
  extends: field(extending, "Begins with what another compose service says, of this file or of one below the services folder."),
  profiles: field(listOf(text({ expected: "a word" })), "Only on a laptop: hosts do not run a container that has profiles."),
};

/** A container as meant, and where things were written that need more than this service to be judged. */
export type ComposeService = {
  readonly spec: ContainerSpec;
  readonly imageSpot: Spot;
  /** Where `restart: no` stands, which only a container that others wait to end may say; else null. */
  readonly noRestartSpot: Spot | null;
  /** Where `volumes` stands; its named volumes are still called as in the file. */
  readonly volumesSpot: Spot | null;
  /** Files that it asks for; where their values come from stands elsewhere. */
  readonly secrets: readonly Located<FileSecret>[];
};

export const composeService: Shape<ComposeService> = refined(
  record({ expected: "a map with image", fields, refused: refusedServiceKeys }),
  (raw, spot, report) => {
    if (raw.image === undefined) {
      report(spot, { what: "a service without image", fix: "write image: registry.example.com/name" });
      return null;
    }
    const { image, restart, volumes } = raw;
    return {
      value: {
        spec: containerSpec({ raw, image: image.value, report }),
        imageSpot: image.spot,
        noRestartSpot: restart?.value === "no" ? restart.spot : null,
        volumesSpot: volumes?.spot ?? null,
        secrets: raw.secrets ?? [],
      },
    };
  },
);

type Raw = RecordOf<typeof fields>;

function containerSpec({ raw, image, report }: { raw: Raw; image: string; report: Report }): ContainerSpec {
  const resources = resourcesOf(raw, report);
  return {
    ...usual({ raw, image, resources }),
    ...processExtras(raw),
    ...storageExtras(raw),
    ...networkExtras(raw, report),
    ...resources.extras,
    ...envFileExtras(raw.env_file),
  };
}

/** What every spec has, whether it was written or not. */
function usual({ raw, image, resources }: { raw: Raw; image: string; resources: Resources }): ContainerSpec {
  const { logging } = raw;
  return {
    image,
    environment: raw.environment ?? {},
    envFiles: raw.env_file?.files ?? [],
    command: raw.command ?? null,
    entrypoint: raw.entrypoint ?? null,
    volumes: bindsOf(raw),
    user: raw.user ?? null,
    healthcheck: raw.healthcheck ?? null,
    stopSignal: raw.stop_signal ?? null,
    stopGraceMs: raw.stop_grace_period ?? 10_000,
    ulimits: raw.ulimits ?? [],
    memoryBytes: resources.memoryBytes,
    cpus: resources.cpus,
    labels: raw.labels ?? {},
    network: raw.network_mode ?? "host",
    logging: logging === undefined || logging.driver === null ? null : { driver: logging.driver, options: logging.options },
  };
}

function envFileExtras(files: EnvFiles | undefined): Pick<ContainerSpec, "optionalEnvFiles" | "rawEnvFiles"> {
  const some = (paths: readonly string[] | undefined) => (paths?.length ? paths : undefined);
  return given({ optionalEnvFiles: some(files?.optional), rawEnvFiles: some(files?.raw) });
}
