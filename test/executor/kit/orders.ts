import type { ContainerSpec } from "../../../src/core/release.ts";
import type { CreateOrder } from "../../../src/host/engine.ts";
import { plainSpec } from "../../host/kit/orders.ts";

/** An order that every policy of these tests allows, and what differs. */
export function orderOf(
  facts: { readonly imageRef: string; readonly name?: string },
  spec: Partial<ContainerSpec> = {},
  more: Partial<CreateOrder> = {},
): CreateOrder {
  const { imageRef, name = "gantry-api.prod-g1" } = facts;
  const digest = imageRef.slice(imageRef.indexOf("@") + 1);
  const labels = {
    "gantry.service": "api",
    "gantry.environment": "prod",
    "gantry.release": "r1",
    "gantry.generation": "1",
    "gantry.role": "live",
    "gantry.digest": digest,
  };
  return {
    name,
    imageRef,
    spec: { ...plainSpec, image: imageRef.split("@", 1)[0] ?? "", ...spec },
    environment: [],
    labels,
    ...more,
  };
}

/** Somebody else's words: what types forbid may still be sent. */
export function forged(order: CreateOrder, spec: object = {}, more: object = {}): CreateOrder {
  return { ...order, spec: { ...order.spec, ...spec }, ...more } as CreateOrder;
}
