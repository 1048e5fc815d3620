/** Puts the gate in front of a container's command, which is told as the engine would: by the order, else by the image. */
import type Dockerode from "dockerode";

type Words = string | string[] | null | undefined;
type Commands = { readonly Entrypoint?: Words; readonly Cmd?: Words };

/** `folder` on the host is seen at `target` in the container. Without any command the engine's own error is the better one. */
export function behindGate(
  body: Dockerode.ContainerCreateOptions,
  facts: { readonly image: Commands; readonly folder: string; readonly target: string },
): Dockerode.ContainerCreateOptions {
  const { image, folder, target } = facts;
  const command = effectiveCommand(body, image);
  if (command.length === 0) return body;
  const { HostConfig } = body;
  // A mount, not a bind: it fails where the folder is not on the engine's host, where a bind would make an empty one.
  const mount: Dockerode.MountSettings = { Type: "bind", Source: folder, Target: target, ReadOnly: true };
  const mounts = [...(HostConfig?.Mounts ?? []), mount];
  return { ...body, Entrypoint: [`${target}/gate`], Cmd: command, HostConfig: { ...HostConfig, Mounts: mounts } };
}

/**
 * An entrypoint of the order's own drops the image's command as well, an empty one only the image's entrypoint, and `[""]`
 * stands for none. Source: `merge` and `mergeAndVerifyConfig` in the engine's daemon/commit.go and daemon/container.go.
 */
export function effectiveCommand(order: Commands, image: Commands): string[] {
  const own = wordsOf(order.Entrypoint);
  const ownCommand = wordsOf(order.Cmd) ?? [];
  const entrypoint = own ?? wordsOf(image.Entrypoint) ?? [];
  const inherits = (own ?? []).length === 0 && ownCommand.length === 0;
  const command = inherits ? (wordsOf(image.Cmd) ?? []) : ownCommand;
  const isNone = entrypoint.length === 1 && entrypoint[0] === "";
  return [...(isNone ? [] : entrypoint), ...command];
}

function wordsOf(value: Words): string[] | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? [value] : value;
}
