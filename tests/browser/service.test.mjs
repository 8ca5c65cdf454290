// The page that shows the SDK's credential in a browser, unmodified, against the token service: an
// approved origin is answered and lives through refreshes, another one is refused.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import {
  assertUneventful,
  atTheEnd,
  login,
  mayBeAsked,
  openTab,
  patience,
  startProgram,
} from "./world.mjs";

const example = join(process.env.BROWSER_TESTS_ROOT, "examples/refreshers/javascript");
const types = { ".html": "text/html", ".mjs": "text/javascript", ".js": "text/javascript" };

const port = await startPages();
const approved = `http://localhost:${port}`;
const foreign = `http://127.0.0.1:${port}`;
const service = await startService();
mayBeAsked(approved, foreign, service.url);
const secret = readFileSync(service.secretFile, "utf8");

/** The example's folder, as any web server would show it after `npm install`. */
async function startPages() {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const own = path.startsWith("/node_modules/") ? dirname(fileURLToPath(import.meta.url)) : example;
    const file = join(own, path.endsWith("/") ? `${path}index.html` : path);
    try {
      const content = readFileSync(file);
      response.setHeader("content-type", types[extname(file)] ?? "text/plain");
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atTheEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}

/** A token service whose user is signed in, over an emulator whose tokens live for seconds. */
async function startService() {
  const home = mkdtempSync(join(tmpdir(), "acspass-browser-"));
  atTheEnd(() => rmSync(home, { recursive: true }));
  const keyFile = join(home, "key");
  writeFileSync(keyFile, randomBytes(32), { mode: 0o600 });
  const emulator = await startProgram(["emulator", "--https-port=0", "--http-port=0", "--token-life", "12s"]);
  mayBeAsked(emulator.httpUrl);
  const environment = {
    HOME: home,
    ACSPASS_CONFIG_DIR: home,
    ACSPASS_STATE_DIR: home,
    ACSPASS_STORE: "file",
    ACSPASS_STORE_KEY_FILE: keyFile,
    ACSPASS_CA_FILE: emulator.caFile,
    ACSPASS_TENANT_ID: emulator.tenantId,
    ACSPASS_CLIENT_ID: emulator.clientId,
    AZURE_AUTHORITY_HOST: emulator.httpUrl,
    COMMUNICATION_SERVICES_CONNECTION_STRING: emulator.connectionString,
  };
  const run = login(["--account", emulator.username, "--prompt", "login"], { environment });
  const tab = await openTab();
  await tab.page.goto(await run.address);
  const { code, stderr } = await run.ended;
  assert.equal(code, 0, stderr);
  await tab.context.close();
  const started = await startProgram(["serve", "--port", "0", "--allow-origin", approved], environment);
  return { ...started, environment };
}

async function pasted(tab, origin, text) {
  await tab.page.goto(`${origin}/browser/`);
  await tab.page.getByLabel("Address").fill(service.url);
  await tab.page.getByLabel("secret").fill(text);
  await tab.page.getByRole("button", { name: "Use the secret" }).click();
}

test("a page without the secret gets tokens once the user approves it on the dashboard", patience, async () => {
  const { url: link } = await (await fetch(`${service.url}/dashboard/tickets`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}` },
  })).json();
  mayBeAsked(new URL(link).origin);
  const dashboard = await openTab();
  await dashboard.page.goto(link);
  const tab = await openTab();
  await tab.page.goto(`${foreign}/browser/`);
  await tab.page.getByLabel("Address").fill(service.url);
  await tab.page.getByRole("button", { name: "Ask for approval" }).click();
  const [code] = (await tab.page.getByText("Approve this page").innerText()).match(/[0-9A-Z]{4} [0-9A-Z]{4}/);
  const asking = dashboard.page.getByRole("listitem").filter({ hasText: foreign }).filter({ hasText: code });
  await asking.waitFor();
  assert.equal(await tab.page.getByRole("listitem").count(), 0);
  const confirm = dashboard.page.getByRole("dialog");
  const approve = () => asking.getByRole("button", { name: "Approve once" }).click();
  await approve();
  assert.match(await confirm.innerText(), new RegExp(`${foreign}.*${code}`));
  await confirm.getByRole("button", { name: "Cancel" }).click();
  await asking.waitFor();
  await approve();
  await confirm.getByRole("button", { name: "Approve" }).click();
  await tab.page.getByRole("listitem").first().waitFor();
  assert.equal(await tab.page.getByRole("status").innerText(), "The credential has a token.");

  // A page that is loaded again has another key, and asks again.
  await tab.page.reload();
  await tab.page.getByLabel("Address").fill(service.url);
  await tab.page.getByRole("button", { name: "Ask for approval" }).click();
  await dashboard.page.getByText("A page of this approved origin asks.").waitFor();
  assert.equal(await tab.page.getByRole("listitem").count(), 0);
  // The test after this one needs the origin without approval.
  const row = dashboard.page.getByRole("listitem").filter({ hasText: "1 page without the secret" });
  await row.getByRole("button", { name: "Remove" }).click();
  await dashboard.page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await row.waitFor({ state: "detached" });
  await tab.context.close();
  await dashboard.context.close();
});

test("the SDK's credential lives in an approved page through three refreshes", patience, async () => {
  const tab = await openTab();
  await pasted(tab, approved, secret);
  const tokens = tab.page.getByRole("listitem");
  for (const place of [0, 1, 2, 3]) {
    await tokens.nth(place).waitFor();
    const [, until] = (await tokens.nth(place).innerText()).match(/^until (.+)$/);
    assert.ok(Date.parse(until) > Date.now(), until);
  }
  assert.equal(await tab.page.getByRole("status").innerText(), "The credential has a token.");

  // The secret went to the service in a header, and is nowhere else.
  const asked = tab.seen.requests.filter((request) => request.url().startsWith(service.url));
  assert.ok(asked.length >= 4);
  for (const request of tab.seen.requests) assert.ok(!request.url().includes(secret));
  const form = await tab.page.getByLabel("secret").inputValue();
  const kept = await tab.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])");
  assert.equal(form, "");
  assert.equal(kept, '[{},{},""]');
  assert.ok(!/eyJ/.test(await tab.page.content()), "a token on the page");
  assertUneventful(tab);
  await tab.context.close();
});

test("the page of the example's own server gets a token, and none without the key of the address", patience, async () => {
  const server = ["exec", "--server", "--", process.execPath, join(example, "server.mjs")];
  const child = spawn(process.env.BROWSER_TESTS_ACSPASS, server, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...service.environment, PORT: "0" },
  });
  const ended = once(child, "exit");
  try {
    const [address] = await once(createInterface(child.stdout), "line");
    mayBeAsked(new URL(address).origin);
    const tab = await openTab();
    await tab.page.goto(address);
    await tab.page.getByText(/^a token of \d{3,} characters$/).waitFor();
    assertUneventful(tab);
    await tab.context.close();

    const other = await openTab();
    await other.page.goto(new URL(address).origin);
    await other.page.getByText("open the address that the server printed").waitFor();
    assertUneventful(other, { status: 401 });
    await other.context.close();
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
});

test("a page of another origin is refused, even with the secret", patience, async () => {
  const tab = await openTab();
  await pasted(tab, foreign, secret);
  await tab.page.getByText("no response from the token service").waitFor();
  assert.match(await tab.page.getByRole("status").innerText(), /--allow-origin/);
  assert.equal(await tab.page.getByRole("listitem").count(), 0);
  assert.ok(tab.seen.complaints.some((complaint) => /CORS policy/.test(complaint)), `${tab.seen.complaints}`);
  await tab.context.close();
});

test("an approved page with a wrong secret sends it nowhere", patience, async () => {
  const tab = await openTab();
  await pasted(tab, approved, "wrong");
  // Nothing can show that it knows that secret, so that nothing is sent it.
  await tab.page.getByText("did not prove that it knows the secret").waitFor();
  assert.equal(await tab.page.getByRole("listitem").count(), 0);
  for (const request of tab.seen.requests) assert.equal(await request.headerValue("authorization"), null);
  assertUneventful(tab);
  await tab.context.close();
});
