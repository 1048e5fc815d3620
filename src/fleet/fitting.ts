/** A report that the protocol takes, whatever engines and registries said: one text that is too long would lose the whole of it. */
import type { ObservedImage, ObservedPicture, ObservedSlot } from "../core/slot.ts";

/** In UTF-16 units; the wire allows a little more. */
const longest = 4_000;

export function fitting(picture: ObservedPicture): ObservedPicture {
  const { engine, refuses, slots, images } = picture;
  return {
    ...picture,
    engine: short(engine),
    ...(refuses !== undefined && { refuses: short(refuses) }),
    slots: slots.map(shortSlot),
    images: images.map(shortImage),
  };
}

function shortSlot(slot: ObservedSlot): ObservedSlot {
  const { outcome, live, supporting } = slot;
  return {
    ...slot,
    outcome: outcome?.ok === false ? short(outcome) : outcome,
    live: live === null ? null : short(live),
    ...(supporting !== undefined && { supporting: supporting.map(short) }),
  };
}

function shortImage(image: ObservedImage): ObservedImage {
  switch (image.state) {
    case "pulling":
      return image;
    case "present":
      return image.warning === undefined ? image : { ...image, warning: cut(image.warning) };
    case "failed":
      return short(image);
  }
}

function short<T extends { readonly detail: string | null }>(of: T): T {
  return of.detail === null || of.detail.length <= longest ? of : { ...of, detail: cut(of.detail) };
}

function cut(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}
