// Which variables hold a secret by their name. One answer for what a file may say, what is shown of it, and what stays in logs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { holdsSecret, isSecretName, mayBeSecretName } from "../../src/core/redact.ts";
import { createCleaner } from "../../src/host/log-tail.ts";
import { saysOfService, withCompose } from "./files.ts";

const secret =
  "PASSWORD DB_PASSWORD PGPASSWORD MYSQL_PWD DB_PASS REDIS_PASSWD dbPassword db.password spring.datasource.password SECRET " +
  "JWT_SECRET SECRET_KEY SECRET_KEY_BASE APIKEY API_KEY apiKey APIKey STRIPE_API_KEY_2 AWS_SECRET_ACCESS_KEY JWT_SIGNING_KEY " +
  "ENCRYPTION_KEY RAILS_MASTER_KEY PRIVATE_KEY SSH_PASSPHRASE TOKEN GITHUB_TOKEN authToken SMTP_CREDENTIALS AWS_CREDENTIAL";
const plain =
  "PWD OLDPWD PATH COMPASS BYPASS KEY CACHE_KEY PRIMARY_KEY PUBLIC_KEY KEY_PREFIX MAX_TOKENS TOKEN_TTL TOKENIZER SECRET_NAME " +
  "PASSWORD_MIN_LENGTH DB_PASSWORD_FILE AWS_ACCESS_KEY_ID PGPASSFILE AUTHOR SSH_AUTH_SOCK MONKEY TURNKEY SECRETARY DB_USER";

test("names that people give to secrets are known, and names that are only about one are not", () => {
  assert.deepEqual(
    secret.split(" ").filter((name) => !isSecretName(name)),
    [],
  );
  assert.deepEqual(plain.split(" ").filter(isSecretName), []);
});

test("a switch, a place and an empty text are no secrets; base64 that begins with a slash is one", () => {
  const values = ["", "true", "off", "0", "/run/secrets/db", "/etc/tls/api.key", "/gcp.json", "./gcp.json", "gcp.json"];
  assert.deepEqual(
    [...values, "http://backend:8080/x"].filter((value) => holdsSecret("DB_PASS", value)),
    [],
  );
  const base64 = ["/9j4AAQSkZJRgABAQEAYABgAAD", "/9j4AAQSkZJRg/ABAQEAYABgAAD", "/3q+7w==", "/hunter2", "/a/b+c"];
  const others = ["hunter2", "10", "http://me:pw@backend/", "https://hooks.test/?token=1"];
  assert.deepEqual(
    [...base64, ...others].filter((value) => !holdsSecret("DB_PASS", value)),
    [],
  );
  assert.equal(holdsSecret("DB_USER", "hunter2"), false);
});

test("a file that says one in clear is refused by each of those names", () => {
  const said = (name: string) => saysOfService(withCompose(`environment: { "${name}": hunter2 }`)).join("\n");
  for (const name of secret.split(" ")) assert.match(said(name), / is a secret by its name; /, name);
  for (const name of plain.split(" ")) assert.doesNotMatch(said(name), / is a secret by its name/, name);
});

test("logs lose the values of all those names, and of some more", () => {
  assert.deepEqual(
    secret.split(" ").filter((name) => !mayBeSecretName(name)),
    [],
  );
  const clean = createCleaner({
    environment: ["DB_PASS=hunter2-one", "MYSQL_PWD=hunter2-two", "SENTRY_DSN=hunter2-three"],
    lineLength: 200,
  });
  assert.equal(clean("hunter2-one hunter2-two hunter2-three hunter3"), "[redacted] [redacted] [redacted] hunter3");
});
