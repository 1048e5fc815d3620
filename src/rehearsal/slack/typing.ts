/** What becomes of a text that a person types: escaped control characters, mentions and links in Slack's angle brackets. */
import type { SlackState } from "./state.ts";

/** A message's text, as the API and events carry it. */
export function typedText(text: string, state: SlackState): string {
  return convert(text, state, { labels: false });
}

/** A command's argument text. With `should_escape` mentions become ids with a label; without, they stay as they were typed. */
export function commandText(facts: { text: string; shouldEscape: boolean; state: SlackState }): string {
  return facts.shouldEscape ? convert(facts.text, facts.state, { labels: true }) : escapeControl(facts.text);
}

function convert(text: string, state: SlackState, options: { labels: boolean }): string {
  const label = (name: string) => (options.labels ? `|${name}` : "");
  return escapeControl(text)
    .replace(/\bhttps?:\/\/[^\s|]+/g, (url) => `<${url}>`)
    .replace(/(?<![\w/@<])@([a-z0-9][a-z0-9._-]*)/gi, (typed: string, name: string) => {
      const user = state.user(name.toLowerCase());
      if (user !== undefined) return `<@${user.id}${label(user.name)}>`;
      const group = [...state.groups.values()].find((other) => other.handle === name.toLowerCase());
      return group === undefined ? typed : `<!subteam^${group.id}${label(`@${group.handle}`)}>`;
    })
    .replace(/(?<![\w/#<&])#([a-z0-9][a-z0-9_-]*)/gi, (typed: string, name: string) => {
      const channel = state.channel(name.toLowerCase());
      return channel === undefined ? typed : `<#${channel.id}|${channel.name}>`;
    });
}

/** Slack's three control characters. */
export function escapeControl(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
