/** What keyboards, phones and Slack do to a typed line, undone once, before anything reads it. */

/** Zero-width, bidi and other characters that a person cannot see and so cannot have meant. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;
const oddSpaces = /[\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000\u0085\u2028\u2029]/g;
const doubleQuotes = /[\u201C-\u201F\u2033\u2036\u00AB\u00BB\u301D-\u301F\uFF02]/g;
const singleQuotes = /[\u2018-\u201B\u2032\u2035\uFF07]/g;
/** Slack turns `api.prod` into <http://api.prod|api.prod>. What the person typed is the label. */
const slackLink = /<((?:https?|ftp|mailto|tel):[^<>|]*)(?:\|([^<>]*))?>/gi;

/** Removes what cannot be seen. Lone surrogates become U+FFFD. */
export function withoutInvisible(text: string): string {
  return text.toWellFormed().replace(invisible, "");
}

/**
 * The line as it was meant: straight quotes, plain spaces, no invisible characters, links as their label, entities decoded.
 * Mentions (`<@U…>`, `<#C…>`, `<!…>`) stay as they are, for the reader to refuse or to flatten.
 */
export function normalise(text: string): string {
  return withoutInvisible(text)
    .replace(oddSpaces, " ")
    .replace(doubleQuotes, '"')
    .replace(singleQuotes, "'")
    .replace(slackLink, (_all, address: string, label: string | undefined) => label || address.replace(/^(mailto|tel):/i, ""))
    .replace(/&(amp|lt|gt);/g, (_all, name: string) => (name === "amp" ? "&" : name === "lt" ? "<" : ">"))
    .trim();
}

const mention = /<([@#!])([^<>|]*)(?:\|([^<>]*))?>/g;

/** A person's own words on one line: mentions become plain names, so that nobody is called by a reason. */
export function freeText(text: string): string {
  return text
    .replace(mention, (_all, mark: string, id: string, label: string | undefined) => {
      const name = label || id;
      return mark === "#" ? `#${name.replace(/^#/, "")}` : `@${name.replace(/^@/, "")}`;
    })
    .replace(/<+(?=[@#!])/g, "")
    .replace(/\s+/g, " ")
    .trim();
}
