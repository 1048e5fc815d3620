/** What an HTTP health check sends, and what a good answer is. */
import type { HttpProbe } from "../core/release.ts";
import type { Complaint, Report, Spot } from "./raw.ts";
import { oneOf, text } from "./scalars.ts";
import { byKind, field, mapOf, oneOrMany, type RecordOf, record, refined, type Shape, scalar } from "./shape.ts";

const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
const nameFix = "write a header's name, such as X-Release";
const name = text({ expected: "a header's name", pattern: headerName, fix: nameFix });
const words = text({
  expected: "a text",
  pattern: /^[\t -~]*$/,
  fix: "write printable ASCII in one line",
  max: 1024,
});

const headers: Shape<Readonly<Record<string, string>>> = refined(
  mapOf({ expected: "a map of headers", key: nameComplaint, value: words }),
  (pairs) => ({ value: Object.fromEntries(pairs.map(({ key, value }) => [key, value])) }),
);

function nameComplaint(key: string): Complaint | null {
  return headerName.test(key) ? null : { what: `${JSON.stringify(key.slice(0, 60))} is not a header's name`, fix: nameFix };
}

/** Of the connection, not of the question. */
const ownHeaders = ["connection", "content-length", "transfer-encoding", "expect", "upgrade", "te", "trailer"];

const send = refined(headers, (value, spot, report) => {
  const wrong = Object.keys(value).find((key) => ownHeaders.includes(key.toLowerCase()));
  if (wrong === undefined) return { value };
  report(spot, { what: `the header ${wrong} cannot be set`, fix: "remove it: Gantry sends what it needs" });
  return null;
});

const range: Shape<readonly [number, number]> = scalar<readonly [number, number]>({
  expected: "a status such as 200, or a range such as 200-299",
  schema: { type: ["integer", "string"] },
  parse(written) {
    const [, from = "", to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(written) ?? [];
    if (from !== "" && Number(from) <= Number(to)) return { value: [Number(from), Number(to)] };
    return {
      what: `${JSON.stringify(written.slice(0, 60))} is not a status`,
      fix: "write one such as 200, or a range such as 200-299",
    };
  },
});

const bodyText = text({ expected: "a text that the body has" });
const body: Shape<NonNullable<HttpProbe["body"]>> = byKind({
  expected: "a text that the body has, or a map with contains or equals",
  text: refined(bodyText, notEmpty),
  map: refined(
    record({
      expected: "a map with contains or equals",
      fields: {
        contains: field(bodyText, "A text that stands somewhere in the body's first 64 kB."),
        equals: field(bodyText, "The whole body, white space around it aside."),
      },
    }),
    ({ contains, equals }, spot, report): { value: NonNullable<HttpProbe["body"]> } | null => {
      if (contains !== undefined && equals === undefined) return notEmpty(contains, spot, report);
      if (equals !== undefined && contains === undefined) return { value: { equals } };
      report(spot, { what: "not one of contains and equals", fix: "write one of the two" });
      return null;
    },
  ),
});

function notEmpty(contains: string, spot: Spot, report: Report): { value: { contains: string } } | null {
  if (contains !== "") return { value: { contains } };
  report(spot, { what: "an empty text, which stands in every body", fix: "write a word that only a good answer has" });
  return null;
}

const header: Shape<NonNullable<HttpProbe["header"]>> = byKind({
  expected: "a header's name, or a map of names and values",
  text: refined(name, (one) => ({ value: { [one]: null } })),
  list: refined(oneOrMany(name, { nonEmpty: true }), (names) => ({ value: Object.fromEntries(names.map((one) => [one, null])) })),
  map: headers,
});

const echo: Shape<NonNullable<HttpProbe["echo"]>> = byKind({
  expected: "body, or a map with header",
  text: oneOf(["body"] as const),
  map: refined(
    record({ expected: "a map with header", fields: { header: field(name, "The header that names the release.") } }),
    (raw, spot, report) => {
      if (raw.header !== undefined) return { value: { header: raw.header } };
      report(spot, { what: "echo without header", fix: "write echo: { header: X-Release }, or echo: body" });
      return null;
    },
  ),
});

/** Keys beside `http`. */
export const httpFields = {
  method: field(oneOf(["GET", "HEAD"]), "With `http`. Default GET."),
  send: field(send, "With `http`: request headers. They stand on the container's labels, so no secrets."),
  status: field(
    oneOrMany(range, { nonEmpty: true }),
    "With `http`: good statuses, such as 204, 200-299, or a list. Default 200-299. Redirects are not followed.",
  ),
  body: field(body, "With `http`: a text that the answer has, or a map with contains or equals."),
  header: field(header, "With `http`: headers that the answer has: names, or a map of names and values."),
  echo: field(
    echo,
    "With `http`: where the answer names its release (r42), its commit or its digest: `body`, or a map with header. Instead of a look at who holds the port.",
  ),
};

type RawHttp = RecordOf<typeof httpFields>;

/** The probe with what was written beside it; what was not written stays absent. Null: something was reported. */
export function httpProbe(facts: { url: string; raw: RawHttp; spot: Spot; report: Report }): HttpProbe | null {
  const { url, raw, spot, report } = facts;
  if (raw.method === "HEAD" && (raw.body !== undefined || raw.echo === "body")) {
    report(spot, { what: "an answer to HEAD has no body", fix: "remove method: HEAD, or look at a header" });
    return null;
  }
  return {
    kind: "http",
    url,
    ...(raw.method === "HEAD" ? { method: "HEAD" as const } : {}),
    ...(raw.send === undefined ? {} : { send: raw.send }),
    ...(raw.status === undefined ? {} : { status: raw.status }),
    ...(raw.body === undefined ? {} : { body: raw.body }),
    ...(raw.header === undefined ? {} : { header: raw.header }),
    ...(raw.echo === undefined ? {} : { echo: raw.echo }),
  };
}
