// What the environment says, and what is wrong with it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings } from "../../src/settings.ts";

const jira = { JIRA_EMAIL: "gantry@example.com", JIRA_API_TOKEN: "secret" };

test("an address without https:// is named with the others, and with what would be right", () => {
  const { errors } = readSettings({
    ...jira,
    JIRA_URL: "acme.atlassian.net",
    GITHUB_API_URL: "github.example.com:8443/api/v3",
    SLACK_API_URL: "not an address",
    GANTRY_PORT: "many",
  });
  assert.deepEqual(errors.toSorted(), [
    'GANTRY_PORT: "many" is not a port; use a number from 0 to 65535',
    'GITHUB_API_URL: "github.example.com:8443/api/v3" is not a web address; begin it with https://, e.g. https://github.example.com:8443/api/v3',
    'JIRA_URL: "acme.atlassian.net" is not a web address; begin it with https://, e.g. https://acme.atlassian.net',
    'SLACK_API_URL: "not an address" is not a web address; begin it with https://',
  ]);
});

test("addresses are taken as written", () => {
  const { settings, errors } = readSettings({
    ...jira,
    JIRA_URL: "https://acme.atlassian.net",
    SLACK_API_URL: "http://127.0.0.1:9999/api/",
  });
  assert.deepEqual(errors, []);
  assert.equal(settings.jira?.url, "https://acme.atlassian.net");
  assert.equal(settings.slack.apiUrl, "http://127.0.0.1:9999/api/");
});
