/**
 * The configuration as written: a plain tree in which every scalar is still the text that stood in the file
 * (a SHA is never a number), and everything knows where it stood.
 */

/** Lines and columns count from 1. */
export type Spot = { readonly file: string; readonly line: number; readonly column: number };

export type Entry = { readonly key: string; readonly keySpot: Spot; readonly value: Written };

export type Written =
  /** `plain`: without quotes, where YAML readers disagree about words such as null, ~ and no. */
  | { readonly kind: "text"; readonly text: string; readonly plain: boolean; readonly spot: Spot }
  | { readonly kind: "list"; readonly items: readonly Written[]; readonly spot: Spot }
  | { readonly kind: "map"; readonly entries: readonly Entry[]; readonly spot: Spot }
  /** `key:` and nothing after it; the spot is the key's. */
  | { readonly kind: "nothing"; readonly spot: Spot };

/** What is wrong and what would be right. */
export type Complaint = { readonly what: string; readonly fix: string };

export type Report = (spot: Spot, complaint: Complaint) => void;

/** Text from outside in one line of an error: quoted, control characters visible, capped. */
export function quote(text: string): string {
  const capped = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return JSON.stringify(capped).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** How a kind of value is called in an error. */
export function kindName(written: Written): string {
  switch (written.kind) {
    case "text":
      return "a text";
    case "list":
      return "a list";
    case "map":
      return "a map";
    case "nothing":
      return "nothing";
  }
}
