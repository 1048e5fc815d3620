/**
 * Reads JSON columns. The same texts are read over and over (a snapshot by everything that follows one event, a spec by every
 * card), so what they come to is kept for a while, by the text itself: no write can make it stale. Nobody may change what is read.
 */

/** Characters kept in a turn; two turns are kept. */
const mostKept = 4_000_000;
let young = new Map<string, unknown>();
let old = new Map<string, unknown>();
let kept = 0;

/** The value of the text, which is what the caller wrote. Throws SyntaxError like JSON.parse. */
export function readJson<T>(text: string): T {
  const known = young.get(text);
  if (known !== undefined) return known as T;
  const value = old.get(text) ?? JSON.parse(text);
  young.set(text, value);
  kept += text.length;
  if (kept > mostKept) forget();
  return value;
}

/** What was not asked for since the last time. */
function forget(): void {
  old = young;
  young = new Map();
  kept = 0;
}
