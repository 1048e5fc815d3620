import type { AppDoor } from "../app/door.ts";
import type { Door } from "../app/ports.ts";
import { restarting } from "../messages/restarting.ts";

/**
 * What surfaces knock at: closed before the application's door is there, and while the server ends. Then what people do is still recorded,
 * so that the next start does it, and they are told so; but nothing new is begun.
 */
export type FrontDoor = Door & {
  opensTo(door: AppDoor): void;
  stops(): void;
};

export function createFrontDoor(): FrontDoor {
  let door: AppDoor | null = null;
  let isStopping = false;
  return {
    accept: async (delivery) => door?.accept(delivery) ?? "full",
    async serve(delivery, answers) {
      if (!isStopping) return door?.serve(delivery, answers);
      if (delivery.act.kind !== "home") await answers.privately(restarting());
    },
    opensTo(made) {
      door = made;
    },
    stops() {
      isStopping = true;
    },
  };
}
