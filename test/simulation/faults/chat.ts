/** Slack as the server speaks to it: away, rate limited, losing its answers and messages (SL6, SL8, SL10, SL23). */
import type { Fault } from "./fault.ts";

export const chatOutage: Fault = {
  name: "chat_outage",
  arm({ world, random, often, later, note }) {
    const end = () => {
      world.chat.weather.down = false;
      world.slack.weather.down = false;
      world.server?.app.outbox.hasten(["card", "thread", "notice", "answer"]);
    };
    often(200_000, () => {
      note("slack", "is down");
      world.chat.weather.down = true;
      world.slack.weather.down = random.chance(0.7);
      later(random.between(5_000, 300_000), end);
    });
    return end;
  },
};

export const chatTrouble: Fault = {
  name: "chat_trouble",
  arm({ world, random }) {
    const { weather } = world.chat;
    Object.assign(weather, {
      losesAnswers: random.pick([0, 0.05, 0.2]),
      rateLimits: random.pick([0, 0.1]),
      gone: random.pick([0, 0.02]),
      slowestMs: random.pick([2_000, 30_000]),
    });
    return () => Object.assign(weather, { losesAnswers: 0, rateLimits: 0, gone: 0, slowestMs: 16_000 });
  },
};
