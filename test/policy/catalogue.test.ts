/** Every fault of the catalogue has tests that carry its id, and readers see the same table. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { projectRoot } from "../../scripts/checks.ts";
import { catalogue, type FaultRow } from "../lab/catalogue.ts";

const read = (file: string) =>
  existsSync(path.join(projectRoot, file)) ? readFileSync(path.join(projectRoot, file), "utf8") : null;

test("the catalogue has every row from AG1 to AG36, once and in order", () => {
  assert.deepEqual(
    catalogue.map(({ id }) => id),
    Array.from({ length: 36 }, (_, index) => `AG${index + 1}`),
  );
});

for (const row of catalogue) {
  test(`${row.id} has tests by that name: ${row.fault}`, (t) => {
    assert.deepEqual(faultsOf(row, read), []);
    if (row.missing !== undefined) t.diagnostic(`${row.id}, not there yet: ${row.missing}`);
  });
}

test("planted: a row without tests, a file that is gone, and an id that stands in no name", () => {
  const row = { id: "AG1", fault: "", wanted: "", tests: ["test/a.test.ts"] };
  assert.deepEqual(faultsOf({ ...row, tests: [] }, read), ["AG1 has no test"]);
  assert.deepEqual(
    faultsOf(row, () => null),
    ["AG1: there is no test/a.test.ts"],
  );
  const nowhere = ["AG1: no test of test/a.test.ts has that id in its name"];
  assert.deepEqual(
    faultsOf(row, () => '// AG1\nit("AG11: another one", () => 1);'),
    nowhere,
  );
  for (const good of ['it("AG1: dies", () => 1);', "describe(`AG2, AG1: dies`, () => 1);", 'test(\n  "AG1: dies"']) {
    assert.deepEqual(
      faultsOf(row, () => good),
      [],
    );
  }
});

test("docs/explanation/faults.md shows the catalogue as it is", () => {
  const page = read("docs/explanation/faults.md") ?? "";
  const missing = catalogue.filter((row) => !page.includes(lineOf(row))).map(lineOf);
  assert.deepEqual(missing, [], "write these lines into the page's table");
  assert.equal(page.match(/^\| AG\d+ /gm)?.length, catalogue.length);
});

function faultsOf(row: FaultRow, text: (file: string) => string | null): string[] {
  if (row.tests.length === 0) return [`${row.id} has no test`];
  const named = new RegExp(`\\b(test|it|describe)\\(\\s*["'\`][^"'\`]*\\b${row.id}\\b`);
  return row.tests.flatMap((file) => {
    const source = text(file);
    if (source === null) return [`${row.id}: there is no ${file}`];
    return named.test(source) ? [] : [`${row.id}: no test of ${file} has that id in its name`];
  });
}

function lineOf({ id, fault, wanted, tests, missing }: FaultRow): string {
  const links = tests.map((file) => `[${path.basename(file).replace(/(\.test)?\.ts$/, "")}](../../${file})`);
  const yet = missing === undefined ? "" : ` *Not yet:* ${missing}`;
  return `| ${id} | ${fault} | ${wanted}${yet} | ${links.join(", ")} |`;
}
