/** Slack's rules for blocks and views (docs.slack.dev/reference/block-kit/blocks and @slack/types), as the API enforces them. */
import { ApiError } from "./api-error.ts";
import { checkElement, checkImage } from "./element-rules.ts";
import { Findings } from "./findings.ts";
import type { Block, JsonObject } from "./types.ts";
import { isObject } from "./view-values.ts";

type Surface = "message" | "modal" | "home";
type Check = (findings: Findings, block: JsonObject, at: string) => void;

const MAX_BLOCKS: Readonly<Record<Surface, number>> = { message: 50, modal: 100, home: 100 };
const MAX_VIEW_BYTES = 250_000;

const CHECKS: Readonly<Record<string, Check>> = {
  section: checkSection,
  header: (findings, block, at) => findings.text(block["text"], { at: `${at}/text`, max: 150, plain: true }),
  context: checkContext,
  actions: (findings, block, at) => checkElements(findings, { block, at, max: 25, holder: "actions" }),
  context_actions: (findings, block, at) => checkElements(findings, { block, at, max: 5, holder: "contextActions" }),
  input: checkInput,
  image: (findings, block, at) => {
    checkImage(findings, block, at);
    findings.text(block["title"], { at: `${at}/title`, max: 2_000, plain: true, optional: true });
  },
  markdown: (findings, block, at) => findings.string(block["text"], { at: `${at}/text`, max: 12_000 }),
  divider: () => {},
  // Known to Slack, not used by Gantry: only their names are checked.
  ...Object.fromEntries(
    ["rich_text", "video", "file", "table", "data_table", "alert", "card", "carousel", "container", "plan", "task_card"].map(
      (type) => [type, () => {}],
    ),
  ),
};

/** Throws `invalid_blocks` with every finding. */
export function assertBlocks(blocks: readonly Block[], surface: Surface): void {
  const findings = checkBlocks(blocks, surface);
  if (findings.length > 0) {
    throw new ApiError("invalid_blocks", { errors: findings.map(withoutLevel), response_metadata: { messages: findings } });
  }
}

/** Throws `invalid_arguments` or `view_too_large`. */
export function assertView(view: JsonObject, type: "modal" | "home"): void {
  if (JSON.stringify(view).length > MAX_VIEW_BYTES) throw new ApiError("view_too_large");
  const findings = new Findings();
  if (view["type"] !== type) findings.add(`must be of type ${type}`, "/view/type");
  if (type === "modal") checkModal(findings, view);
  findings.string(view["callback_id"], { at: "/view/callback_id", max: 255, optional: true });
  if (typeof view["private_metadata"] === "string" && view["private_metadata"].length > 3_000) {
    findings.add("must be less than 3001 characters", "/view/private_metadata");
  }
  if (!Array.isArray(view["blocks"])) findings.add("missing required field: blocks", "/view/blocks");
  const messages = [...findings.messages, ...checkBlocks((view["blocks"] ?? []) as Block[], type, "/view")];
  if (messages.length > 0) throw new ApiError("invalid_arguments", { response_metadata: { messages } });
}

/** Every finding, in Slack's words; empty when the blocks are fine. */
export function checkBlocks(blocks: readonly Block[], surface: Surface, prefix = ""): readonly string[] {
  const findings = new Findings();
  const limit = MAX_BLOCKS[surface];
  if (!Array.isArray(blocks)) return ["[ERROR] must provide an array [json-pointer:/blocks]"];
  if (blocks.length > limit) findings.add(`no more than ${limit} items allowed`, `${prefix}/blocks`);
  blocks.forEach((block, index) => {
    checkBlock(findings, { block, surface, at: `${prefix}/blocks/${index}` });
  });
  checkUnique(findings, blocks, prefix);
  return findings.messages;
}

/** Blocks with the ids that Slack fills in where they were left out. */
export function withBlockIds(blocks: readonly Block[]): readonly Block[] {
  return blocks.map((block, index) => withActionIds({ ...block, block_id: block.block_id ?? `b${index}` }));
}

function withActionIds(block: Block): Block {
  const elements = block["elements"];
  if (block.type !== "actions" || !Array.isArray(elements)) return block;
  return { ...block, elements: elements.map((element: JsonObject, index) => ({ action_id: `a${index}`, ...element })) };
}

function checkBlock(findings: Findings, facts: { block: unknown; surface: Surface; at: string }): void {
  const { block, surface, at } = facts;
  if (!isObject(block)) {
    findings.add("must provide an object", at);
    return;
  }
  const type = String(block["type"]);
  const check = Object.hasOwn(CHECKS, type) ? CHECKS[type] : undefined;
  if (check === undefined) {
    findings.add(`unsupported type: ${type}`, `${at}/type`);
    return;
  }
  if (type === "alert" && surface !== "modal") {
    findings.add("unsupported type: alert", `${at}/type`);
    return;
  }
  findings.string(block["block_id"], { at: `${at}/block_id`, max: 255, optional: true });
  check(findings, block, at);
}

function checkUnique(findings: Findings, blocks: readonly Block[], prefix: string): void {
  const seen = new Set<string>();
  blocks.forEach((block, index) => {
    const id = isObject(block) ? block.block_id : undefined;
    if (id === undefined) return;
    if (seen.has(id)) findings.add(`\`block_id\` must be unique: ${id} already exists`, `${prefix}/blocks/${index}/block_id`);
    seen.add(id);
  });
}

function checkSection(findings: Findings, block: JsonObject, at: string): void {
  if (block["text"] === undefined && block["fields"] === undefined) findings.add("missing required field: text or fields", at);
  findings.text(block["text"], { at: `${at}/text`, max: 3_000, optional: true });
  if (block["fields"] !== undefined) {
    findings.list(block["fields"], { at: `${at}/fields`, max: 10 }).forEach((field, index) => {
      findings.text(field, { at: `${at}/fields/${index}`, max: 2_000 });
    });
  }
  if (block["accessory"] !== undefined)
    checkElement(findings, { element: block["accessory"], holder: "accessory", at: `${at}/accessory` });
}

function checkContext(findings: Findings, block: JsonObject, at: string): void {
  findings.list(block["elements"], { at: `${at}/elements`, max: 10 }).forEach((element, index) => {
    const elementAt = `${at}/elements/${index}`;
    if (isObject(element) && element["type"] === "image") checkImage(findings, element, elementAt);
    else findings.text(element, { at: elementAt, max: 3_000 });
  });
}

type ElementsFacts = {
  readonly block: JsonObject;
  readonly at: string;
  readonly max: number;
  readonly holder: "actions" | "contextActions";
};

function checkElements(findings: Findings, facts: ElementsFacts): void {
  const seen = new Set<unknown>();
  findings.list(facts.block["elements"], { at: `${facts.at}/elements`, max: facts.max }).forEach((element, index) => {
    const at = `${facts.at}/elements/${index}`;
    checkElement(findings, { element, holder: facts.holder, at });
    const id = isObject(element) ? element["action_id"] : undefined;
    if (id !== undefined && seen.has(id))
      findings.add(`\`action_id\` must be unique: ${String(id)} already exists`, `${at}/action_id`);
    seen.add(id);
  });
}

function checkInput(findings: Findings, block: JsonObject, at: string): void {
  findings.text(block["label"], { at: `${at}/label`, max: 2_000, plain: true });
  findings.text(block["hint"], { at: `${at}/hint`, max: 2_000, plain: true, optional: true });
  checkElement(findings, { element: block["element"], holder: "input", at: `${at}/element` });
}

function checkModal(findings: Findings, view: JsonObject): void {
  for (const part of ["title", "submit", "close"] as const) {
    findings.text(view[part], { at: `/view/${part}`, max: 24, plain: true, optional: part !== "title" });
  }
  const hasInput =
    Array.isArray(view["blocks"]) && view["blocks"].some((block: unknown) => isObject(block) && block["type"] === "input");
  if (hasInput && view["submit"] === undefined)
    findings.add("missing required field: submit (the view has inputs)", "/view/submit");
}

function withoutLevel(finding: string): string {
  return finding.replace("[ERROR] ", "");
}
