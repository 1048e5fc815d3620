/** Lets at most `size` run at once; the others wait in the order in which they came. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/** Limits per key inside another limit. Whoever waits for its own key holds no place of the whole: a key that hangs blocks only itself. */
export function createLimitPerKey(facts: { readonly perKey: number; readonly whole: Limit }): (key: string) => Limit {
  const limits = new Map<string, Limit>();
  return (key) => {
    const own = limits.get(key) ?? createLimit(facts.perKey);
    limits.set(key, own);
    return (work) => own(() => facts.whole(work));
  };
}

export function createLimit(size: number): Limit {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= size) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
