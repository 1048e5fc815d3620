/** Lets at most `size` run at once; the others wait in the order in which they came. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

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
