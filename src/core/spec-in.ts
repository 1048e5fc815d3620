/** What a release is in one environment. */
import type { ContainerSpec, EnvironmentVariables, ReleaseSpec } from "./release.ts";
import { versionIn, withSecrets } from "./secrets.ts";

/**
 * The spec with the variables of one environment in the released container, and without those of the others. A value of the
 * environment replaces the service's; its env files are read after the service's. As in Compose, `environment` wins over env files.
 */
export function specIn(whole: ReleaseSpec, environment: string): ReleaseSpec {
  const spec = withSecrets(whole, (use) => versionIn(use, environment));
  const { environments, ...plain } = spec;
  if (environments === undefined) return spec;
  const here = Object.hasOwn(environments, environment) ? environments[environment] : undefined;
  return here === undefined ? plain : { ...plain, container: withVariables(plain.container, here) };
}

function withVariables(container: ContainerSpec, here: EnvironmentVariables): ContainerSpec {
  const { envFiles, optionalEnvFiles, rawEnvFiles, ...rest } = container;
  const isHere = (file: string) => here.envFiles.includes(file);
  const all = (of: readonly string[] = [], own: readonly string[] = []) => [...of.filter((file) => !isHere(file)), ...own];
  const optional = all(optionalEnvFiles, here.optionalEnvFiles);
  const raw = all(rawEnvFiles, here.rawEnvFiles);
  return {
    ...rest,
    environment: { ...container.environment, ...here.environment },
    envFiles: all(envFiles, here.envFiles),
    ...(optional.length === 0 ? {} : { optionalEnvFiles: optional }),
    ...(raw.length === 0 ? {} : { rawEnvFiles: raw }),
  };
}
