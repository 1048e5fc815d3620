/** What a release is in one environment. */
import type { ReleaseSpec } from "./release.ts";

/**
 * The spec with the variables of one environment in the released container, and without those of the others. A value of the
 * environment replaces the service's; its env files are read after the service's. As in Compose, `environment` wins over env files.
 */
export function specIn(spec: ReleaseSpec, environment: string): ReleaseSpec {
  const { environments, ...plain } = spec;
  if (environments === undefined) return spec;
  const here = Object.hasOwn(environments, environment) ? environments[environment] : undefined;
  if (here === undefined) return plain;
  const { container } = plain;
  return {
    ...plain,
    container: {
      ...container,
      environment: { ...container.environment, ...here.environment },
      envFiles: [...container.envFiles.filter((file) => !here.envFiles.includes(file)), ...here.envFiles],
    },
  };
}
