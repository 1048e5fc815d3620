/** Who one is, and where one can go. */
import { fill, h } from "./dom.js";
import { avatar } from "./messages.js";

export function drawPeople(slot, { people, me, onChoose }) {
  fill(
    slot,
    people.map((person) =>
      h(
        "button",
        {
          type: "button",
          class: "person",
          "aria-pressed": String(person.id === me.id),
          "aria-label": `Be ${person.name}`,
          title: `${person.realName} (${person.id})`,
          onclick: () => onChoose(person),
        },
        avatar({ ...person, isBot: false }),
        h("span", {}, person.name),
      ),
    ),
  );
}

/** `current`: a channel id or `home`; `unread(channelId)`: how many messages came since it was last looked at. */
export function drawSidebar(slot, { snapshot, current, unread, onChoose }) {
  const entry = (id, label, count) =>
    h(
      "button",
      {
        type: "button",
        class: count > 0 ? "place unread" : "place",
        "aria-current": id === current ? "page" : null,
        onclick: () => onChoose(id),
      },
      h("span", {}, label),
      count > 0 && h("span", { class: "count", "aria-label": `${count} new` }, count),
    );
  const channels = snapshot.channels.filter((channel) => channel.kind === "public");
  const direct = snapshot.channels.find((channel) => channel.kind === "im");
  fill(
    slot,
    h("h2", {}, "Channels"),
    channels.map((channel) => entry(channel.id, `# ${channel.name}`, unread(channel.id))),
    h("h2", {}, "Gantry"),
    entry("home", "⌂ Home", 0),
    entry(direct.id, "✉ Messages", unread(direct.id)),
  );
}
