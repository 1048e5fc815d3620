/** One seed, split by concern: a draw more in one place changes nothing in another. The generator is sfc32. */

export type Random = {
  /** In [0, 1). */
  next(): number;
  chance(probability: number): boolean;
  /** A whole number from `low` to `high`, both possible. */
  between(low: number, high: number): number;
  pick<T>(all: readonly T[]): T;
  /** Exponential waits, at least 1. */
  wait(meanMs: number): number;
  split(concern: string): Random;
};

export function createRandom(seed: string): Random {
  let [a, b, c, d] = [hash(seed, 1), hash(seed, 2), hash(seed, 3), 1];

  function next(): number {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return (t >>> 0) / 4_294_967_296;
  }

  for (let i = 0; i < 12; i += 1) next();
  return {
    next,
    chance: (probability) => next() < probability,
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    pick<T>(all: readonly T[]): T {
      const found = all[Math.floor(next() * all.length)];
      if (found === undefined) throw new Error("there is nothing to pick from");
      return found;
    },
    wait: (meanMs) => Math.max(1, Math.round(-Math.log(1 - next()) * meanMs)),
    split: (concern) => createRandom(`${seed}/${concern}`),
  };
}

/** FNV-1a over the text, begun differently for each of the generator's words. */
function hash(text: string, salt: number): number {
  let h = 0x811c9dc5 ^ Math.imul(salt, 0x9e3779b1);
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h | 0;
}
