/** Says a figure beside its target, and remembers whether all were met. */
export type Figure = {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
} & ({ readonly atMost: number } | { readonly atLeast: number });

export type Judge = (figure: Figure) => void;

export function createJudge(): { readonly judge: Judge; readonly missed: readonly string[] } {
  const missed: string[] = [];
  return {
    missed,
    judge(figure) {
      const { what, value, unit } = figure;
      const met = "atMost" in figure ? value <= figure.atMost : value >= figure.atLeast;
      const target = "atMost" in figure ? `at most ${figure.atMost}` : `at least ${figure.atLeast}`;
      if (!met) missed.push(what);
      console.log(`  ${met ? "ok    " : "MISSED"} ${what}: ${value.toFixed(2)}${unit} (target ${target}${unit})`);
    },
  };
}
