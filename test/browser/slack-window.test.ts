/** The stand-in's window in a real browser, with a Bolt app behind it. Screenshots are kept when SCREENSHOTS names a folder. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { App } from "@slack/bolt";
import { type Browser, chromium, type Page } from "playwright-core";
import { type SlackWorkspace, startSlackWorkspace } from "../../src/rehearsal/slack/workspace.ts";
import { socketApp } from "../rehearsal/slack/bolt-app.ts";
import { teach } from "../rehearsal/slack/tiny-deploy-bot.ts";
import { webClient } from "../rehearsal/slack/workspace-kit.ts";

const CHROMIUM = {
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};
const DESKTOP = { width: 1180, height: 760 };
const PHONE = { width: 390, height: 780 };

let slack: SlackWorkspace;
let app: App;
let browser: Browser;
let folder: string;

before(async () => {
  folder = process.env["SCREENSHOTS"] ?? (await mkdtemp(join(tmpdir(), "slack-window-")));
  slack = await startSlackWorkspace({ rateLimits: false });
  app = socketApp(slack);
  teach(app);
  await app.start();
  browser = await chromium.launch(CHROMIUM);
});

after(async () => {
  await browser.close();
  await app.stop();
  await slack.stop();
  if (process.env["SCREENSHOTS"] === undefined) await rm(folder, { recursive: true });
});

/** A window of its own, closed at the end; nothing may have gone wrong in its console. */
async function inWindow(
  name: string,
  options: { as?: string; viewport?: typeof DESKTOP },
  story: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ viewport: options.viewport ?? DESKTOP });
  const page = await context.newPage();
  page.setDefaultTimeout(8_000);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (line) => line.type() === "error" && problems.push(line.text()));
  await page.goto(`${slack.windowUrl}?as=${options.as ?? "ana"}`);
  await page.getByRole("button", { name: "Be ana" }).waitFor();
  try {
    await story(page);
    assert.deepEqual(problems, []);
  } finally {
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await context.close();
  }
}

async function types(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
}

const lastMessage = (page: Page) => page.locator(".main .message").last();
const become = (page: Page, person: string) => page.getByRole("button", { name: `Be ${person}` }).click();

test("type a command, see the card, switch person, approve with its confirmation, see the card change", async () => {
  await inWindow("approve", {}, async (page) => {
    const composer = page.getByRole("textbox", { name: "Message" });
    await composer.fill("/dep");
    await page.getByRole("option", { name: /\/deploy/ }).waitFor();
    await page.screenshot({ path: join(folder, "offers.png") });
    await composer.press("Tab");
    assert.equal(await composer.inputValue(), "/deploy ");
    await types(page, "/deploy api prod abc123");
    await page.getByText("waits for approval").waitFor();
    await page.screenshot({ path: join(folder, "card.png") });
    await become(page, "bo");
    await lastMessage(page).getByRole("button", { name: "Approve" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("heading", { name: "Approve?" }).waitFor();
    await page.screenshot({ path: join(folder, "confirm.png") });
    await dialog.getByRole("button", { name: "Not yet" }).click();
    assert.equal(slack.channel("deploys").latest().edited, 0);
    await lastMessage(page).getByRole("button", { name: "Approve" }).click();
    await dialog.getByRole("button", { name: "Approve" }).click();
    await page.getByText("Approved by @bo").waitFor();
    assert.equal(await lastMessage(page).getByRole("button", { name: "Approve" }).count(), 0);
  });
});

test("a form is filled, refused by Slack, refused by the app, and submitted", async () => {
  await slack.as("ana").says("/deploy api prod abc123");
  await slack.channel("deploys").waitFor("waits for approval");
  await inWindow("after-form", { as: "bo" }, async (page) => {
    await lastMessage(page).getByRole("button", { name: "Reject" }).click();
    const form = page.getByRole("dialog", { name: "Reject" });
    await form.getByRole("button", { name: "Reject" }).click();
    await form.getByRole("alert").filter({ hasText: "required field" }).waitFor();
    await form.getByLabel("Why?").fill("because");
    await form.getByRole("button", { name: "Reject" }).click();
    await form.getByText("Say a little more").waitFor();
    assert.equal(await form.getByLabel("Why?").inputValue(), "because");
    await page.screenshot({ path: join(folder, "form.png") });
    await form.getByLabel("Why?").fill("the canary is red");
    await form.getByRole("button", { name: "Reject" }).click();
    await page.getByText("Rejected: the canary is red").waitFor();
    assert.equal(await page.getByRole("dialog").count(), 0);
  });
});

test("a private answer is there for its person only", async () => {
  await webClient(slack).chat.postEphemeral({ channel: "C0DEPLOYS", user: "U0ZED", text: "You may not approve this, *zed*." });
  await inWindow("private", { as: "zed" }, async (page) => {
    const message = page.locator(".message.ephemeral");
    await message.getByText("You may not approve this").waitFor();
    await message.getByText("Only visible to you").waitFor();
    await become(page, "ana");
    await page.getByText("You typed").first().waitFor();
    assert.equal(await page.locator(".message.ephemeral").count(), 0);
  });
});

test("what a person types is text, whatever it looks like", async () => {
  await inWindow("escaped", {}, async (page) => {
    await types(page, `<img src=x onerror="document.title='owned'"> <script>document.title='owned'</script>`);
    await page.getByText("<img src=x onerror=").waitFor();
    await webClient(slack).chat.postMessage({
      channel: "C0DEPLOYS",
      text: "x",
      blocks: [
        {
          type: "section",
          text: { type: "mrkdwn", text: "<javascript:document.title='owned'|press me> &lt;b&gt;plain&lt;/b&gt; <b>also</b>" },
        },
      ],
    });
    await page.getByText("press me").waitFor();
    assert.equal(await page.locator(".message img, .message script, .message b, .message a[href^=javascript]").count(), 0);
    assert.equal(await page.title(), "ana · Rehearsal");
  });
});

test("a thread opens beside the channel and takes replies", async () => {
  const { ts = "" } = await webClient(slack).chat.postMessage({ channel: "C0DEPLOYS", text: "api to staging: *rolling*" });
  await webClient(slack).chat.postMessage({ channel: "C0DEPLOYS", thread_ts: ts, text: "p1: pulled\n```\nready in 1.2 s\n```" });
  await inWindow("thread", {}, async (page) => {
    await page.getByRole("button", { name: "1 reply" }).click();
    const thread = page.getByRole("complementary", { name: "Thread" });
    await thread.getByText("ready in 1.2 s").waitFor();
    await thread.getByRole("textbox", { name: "Reply" }).fill("nice");
    await page.keyboard.press("Enter");
    await thread.locator(".message").getByText("nice").waitFor();
    await thread.getByRole("textbox", { name: "Reply" }).fill("/deploy api prod abc123");
    await page.keyboard.press("Enter");
    await thread.getByText("not supported in threads").waitFor();
    assert.equal(slack.channel("deploys").thread(ts).length, 3);
  });
});

test("the Home tab and a direct message", async () => {
  await webClient(slack).chat.postMessage({ channel: "U0EVA", text: "Your deploy of api is done :tada:" });
  await inWindow("home", { as: "eva" }, async (page) => {
    const sidebar = page.getByRole("navigation", { name: "Channels" });
    await sidebar.getByRole("button", { name: /Messages.*1 new/ }).click();
    await page.getByText("Your deploy of api is done 🎉").waitFor();
    await sidebar.getByRole("button", { name: "Home" }).click();
    await page.getByText("Nothing waits for you").waitFor();
  });
});

test("every kind of field arrives as Slack reports it", async () => {
  const plain = (text: string) => ({ type: "plain_text" as const, text });
  const option = (text: string) => ({ text: plain(text), value: text.toLowerCase() });
  let values: Record<string, Record<string, { value?: string | null }>> = {};
  app.view("form:fields", async ({ ack, view }) => {
    values = view.state.values as typeof values;
    await ack();
  });
  app.command("/promote", async ({ ack, client, command }) => {
    await ack();
    const field = (block_id: string, label: string, element: object) => ({
      type: "input" as const,
      block_id,
      label: plain(label),
      element: element as never,
    });
    const blocks = [
      field("ref", "Ref", { type: "plain_text_input", action_id: "a", placeholder: plain("a commit") }),
      field("env", "Environment", { type: "static_select", action_id: "a", options: [option("Staging"), option("Prod")] }),
      field("who", "Reviewer", { type: "users_select", action_id: "a" }),
      field("opts", "Options", { type: "checkboxes", action_id: "a", options: [option("Now"), option("Quiet")] }),
      field("how", "How", { type: "radio_buttons", action_id: "a", options: [option("Canary"), option("All")] }),
      { ...field("note", "Note", { type: "plain_text_input", action_id: "a", multiline: true }), optional: true },
    ];
    await client.views.open({
      trigger_id: command.trigger_id,
      view: { type: "modal", callback_id: "form:fields", title: plain("Promote"), submit: plain("Promote"), blocks },
    });
  });
  await inWindow("after-fields", {}, async (page) => {
    await types(page, "/promote");
    const form = page.getByRole("dialog", { name: "Promote" });
    await form.getByLabel("Ref").fill("abc123");
    await form.getByLabel("Environment").selectOption("Prod");
    await form.getByLabel("Reviewer").selectOption("Bo Lindqvist");
    await form.getByLabel("Now").check();
    await form.getByLabel("Canary").check();
    await page.screenshot({ path: join(folder, "fields.png") });
    await form.getByRole("button", { name: "Promote" }).click();
    await form.waitFor({ state: "hidden" });
  });
  assert.deepEqual(values, {
    ref: { a: { type: "plain_text_input", value: "abc123" } },
    env: { a: { type: "static_select", selected_option: option("Prod") } },
    who: { a: { type: "users_select", selected_user: "U0BO" } },
    opts: { a: { type: "checkboxes", selected_options: [option("Now")] } },
    how: { a: { type: "radio_buttons", selected_option: option("Canary") } },
    note: { a: { type: "plain_text_input", value: null } },
  });
});

test("on a phone the whole story fits, without scrolling sideways", async () => {
  await inWindow("phone", { viewport: PHONE }, async (page) => {
    await types(page, "/deploy api prod abc123");
    await lastMessage(page).getByText("waits for approval").waitFor();
    await page.screenshot({ path: join(folder, "phone-card.png") });
    assert.ok(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"));
    await page.getByRole("button", { name: "Channels" }).click();
    await page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name: "# random" }).waitFor();
    await page.screenshot({ path: join(folder, "phone-menu.png") });
    await page
      .getByRole("navigation", { name: "Channels" })
      .getByRole("button", { name: /# deploys/ })
      .click();
    await become(page, "bo");
    await lastMessage(page).getByRole("button", { name: "Reject" }).click();
    await page.getByRole("dialog", { name: "Reject" }).waitFor();
    await page.screenshot({ path: join(folder, "phone-form.png") });
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    await lastMessage(page).getByRole("button", { name: "Approve" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
    await lastMessage(page).getByText("Approved by @bo").waitFor();
  });
});
