// The environment of one file of tests: an emulator, Chromium, and the real program, which passes the
// address for its browser to the test.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { after } from "node:test";
import { connect } from "node:tls";

import { chromium } from "playwright-core";

const { env } = process;

/** The cleanup functions, called in reverse order. */
const ends = [];
after(async () => {
  for (const end of ends.reverse()) await end();
});

export const emulator = await startProgram(["emulator", "--https-port=0", "--http-port=0"]);
const browser = await startChromium();
/** The origins that a tab may send requests to. */
const ours = new Set([emulator.url, emulator.httpUrl]);
export const mayBeAsked = (...origins) => origins.forEach((origin) => ours.add(origin));

/** Adds a cleanup function. */
export const atTheEnd = (end) => ends.push(end);

/** The time limit of a test, which is far above its duration. */
export const patience = { timeout: 60_000 };

/** Starts a program that prints one line of JSON and runs until the tests end; returns the line. */
export async function startProgram(args, environment = env) {
  const child = spawn(env.BROWSER_TESTS_ACSPASS, [...args, "-o", "json"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: environment,
  });
  ends.push(async () => {
    child.kill("SIGINT");
    if (child.exitCode === null) await once(child, "exit");
  });
  const [line] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`acspass ${args[0]} ended: ${code}`))),
  ]);
  return JSON.parse(line);
}

async function startChromium() {
  const started = await chromium.launch({
    executablePath: env.BROWSER_TESTS_CHROMIUM,
    args: [
      // Chromium's own sandbox refuses to run as root.
      ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
      // The emulator's certificate and no other: Node has verified it against the emulator's CA.
      `--ignore-certificate-errors-spki-list=${await certifiedKey()}`,
      // A request for another host is recorded, and does not leave the machine.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    ],
  });
  ends.push(() => started.close());
  return started;
}

/** The SHA-256 of the public key of the emulator's https certificate. */
async function certifiedKey() {
  const { port, hostname } = new URL(emulator.url);
  const socket = connect({ port, host: hostname, ca: readFileSync(emulator.caFile) });
  await once(socket, "secureConnect");
  const key = socket.getPeerX509Certificate().publicKey.export({ type: "spki", format: "der" });
  socket.destroy();
  return createHash("sha256").update(key).digest("base64");
}

/** Opens a tab that records its requests and the messages of Chromium's console. */
export async function openTab(options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const seen = { requests: [], complaints: [] };
  context.on("request", (request) => seen.requests.push(request));
  context.on("console", (message) => {
    // Chromium's message about a header that works as intended.
    if (/^Clear-Site-Data header on .*: Cleared data types: "cache", "storage"\.$/.test(message.text())) return;
    // All others: the pages write nothing to the console.
    seen.complaints.push(`${message.type()}: ${message.text()}`);
  });
  context.on("weberror", (raised) => seen.complaints.push(`exception: ${raised.error()}`));
  return { context, page, seen };
}

/** Asserts that a tab sent requests to the emulator and to the listeners of this file's sign-ins only,
 * and that the console is empty, except for the message about a page whose status is not 200. */
export function assertUneventful({ seen }, { status = 200 } = {}) {
  assert.ok(seen.requests.length > 0, "nothing was asked for");
  for (const request of seen.requests) {
    const { origin, protocol } = new URL(request.url());
    assert.ok(protocol === "data:" || ours.has(origin), `a request to ${request.url()}`);
  }
  const inWords = `error: Failed to load resource: the server responded with a status of ${status} `;
  const [first, ...rest] = seen.complaints.filter((complaint) => !complaint.startsWith(inWords));
  assert.equal(first, undefined, [first, ...rest].join("\n"));
  assert.equal(seen.complaints.length, status === 200 ? 0 : 1);
}

/** Creates a home that several runs share. */
export function newHome() {
  const home = mkdtempSync(join(tmpdir(), "browser-"));
  ends.push(() => rmSync(home, { recursive: true }));
  writeFileSync(join(home, "key"), randomBytes(32), { mode: 0o600 });
  return home;
}

/** Starts `acspass login`. */
export const login = (args = [], world) => acspass(["login", "--timeout", "50s", ...args], world);

/** Starts `acspass`, in a new home if none is given, with these changes of its environment. */
export function acspass(
  args,
  { authority = emulator.httpUrl, home = newHome(), environment = {} } = {},
) {
  const opened = Promise.withResolvers();
  // A run that opens no browser rejects this promise, which a test may ignore.
  opened.promise.catch(() => {});
  const server = createServer(async (socket) => {
    const start = await text(socket);
    ours.add(new URL(start).origin);
    opened.resolve(start);
  });
  let address;
  const said = new Said();
  const started = Promise.withResolvers();
  const ended = (async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const handOver = `require("net").connect(${server.address().port}, "127.0.0.1").end(process.argv[1])`;
    const child = spawn(env.BROWSER_TESTS_ACSPASS, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: env.PATH,
        HOME: home,
        ACSPASS_CONFIG_DIR: home,
        ACSPASS_STATE_DIR: home,
        ACSPASS_STORE: "file",
        ACSPASS_STORE_KEY_FILE: join(home, "key"),
        ACSPASS_CA_FILE: emulator.caFile,
        ACSPASS_TENANT_ID: emulator.tenantId,
        ACSPASS_CLIENT_ID: emulator.clientId,
        AZURE_AUTHORITY_HOST: authority,
        COMMUNICATION_SERVICES_CONNECTION_STRING: emulator.connectionString,
        BROWSER: `'${process.execPath}' -e '${handOver}'`,
        ...environment,
      },
    });
    ends.push(async () => {
      child.kill("SIGKILL");
      await ended;
    });
    started.resolve(child);
    child.stderr.on("data", (chunk) => said.add(chunk));
    const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
    server.close();
    const end = { code, stdout, stderr: said.text };
    opened.reject(new Error(`no browser was opened: ${JSON.stringify(end)}`));
    said.end();
    return end;
  })();
  return {
    /** The start page, with which its browser is opened. */
    start: opened.promise,
    /** The authority's page that the start page leads to. */
    get address() {
      address ??= opened.promise.then(leadsTo);
      return address;
    },
    /** The exit code, standard output and standard error. */
    ended,
    /** Presses Ctrl-C. */
    interrupt: async () => (await started.promise).kill("SIGINT"),
    /** Waits until its standard error matches. */
    saying: (pattern) => said.matching(pattern),
  };
}

/** Returns the address to which a start page redirects the browser of the user. */
export async function leadsTo(start) {
  const headers = { "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
  const [answer] = await once(get(start, { headers }), "response");
  answer.resume();
  assert.equal(answer.statusCode, 303);
  return answer.headers.location;
}

/** Starts `acspass serve` in a home of its own, with a store that dies with it. `settings` are more
 * of the environment; one that is undefined is not set. */
export async function serve(args = [], settings = {}, port = 0) {
  const home = mkdtempSync(join(tmpdir(), "browser-"));
  const child = spawn(env.BROWSER_TESTS_ACSPASS, ["serve", "--port", `${port}`, "-o", "json", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: env.PATH,
      HOME: home,
      ACSPASS_CONFIG_DIR: home,
      ACSPASS_STATE_DIR: home,
      ACSPASS_STORE: "memory",
      ACSPASS_CA_FILE: emulator.caFile,
      ACSPASS_TENANT_ID: emulator.tenantId,
      ACSPASS_CLIENT_ID: emulator.clientId,
      AZURE_AUTHORITY_HOST: emulator.httpUrl,
      COMMUNICATION_SERVICES_CONNECTION_STRING: emulator.connectionString,
      ...settings,
    },
  });
  const said = text(child.stderr);
  ends.push(async () => {
    child.kill("SIGINT");
    if (child.exitCode === null) await once(child, "exit");
    rmSync(home, { recursive: true });
  });
  const [line] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    once(child, "exit").then(async () => assert.fail(await said)),
  ]);
  const { url, secretFile } = JSON.parse(line);
  ours.add(url);
  const ask = async (path, options = {}) => {
    const headers = { authorization: `Bearer ${readFileSync(secretFile, "utf8")}` };
    const answer = await fetch(`${url}${path}`, { ...options, headers });
    return { status: answer.status, ...(await answer.json()) };
  };
  return {
    url,
    /** Stops it as Ctrl-C does. */
    stop: async () => {
      child.kill("SIGINT");
      if (child.exitCode === null) await once(child, "exit");
    },
    /** Sends a request as an app does. */
    ask,
    /** A link that opens the dashboard, once. */
    link: async () => {
      const link = (await ask("/dashboard/tickets", { method: "POST" })).url;
      ours.add(new URL(link).origin);
      return link;
    },
    /** The start page, which opens the dashboard once, without a secret in its address. */
    start: async () => {
      const { start } = await ask("/dashboard/tickets?start", { method: "POST" });
      ours.add(new URL(start).origin);
      return start;
    },
  };
}

/** Allows tabs to send requests to the listener of a sign-in. */
export const expectListener = (address) => ours.add(listenerOf(address));

/** The text of a stream so far. */
class Said {
  text = "";
  #over = false;
  #grown = Promise.withResolvers();

  add(chunk) {
    this.text += chunk;
    this.#grown.resolve();
    this.#grown = Promise.withResolvers();
  }

  end() {
    this.#over = true;
    this.#grown.resolve();
  }

  async matching(pattern) {
    for (;;) {
      const found = this.text.match(pattern);
      if (found) return found;
      assert.ok(!this.#over, `it ended without saying ${pattern}: ${this.text}`);
      await this.#grown.promise;
    }
  }
}

/** An authority in front of the emulator, whose token endpoint never responds. */
export async function neverRedeeming() {
  const asked = Promise.withResolvers();
  const server = createHttpServer(async (request, response) => {
    if (request.url.endsWith("/token")) return asked.resolve();
    const { method, headers } = request;
    const answer = await fetch(emulator.httpUrl + request.url, {
      method,
      headers: method === "POST" ? { "content-type": headers["content-type"] } : {},
      body: method === "POST" ? await text(request) : undefined,
    });
    const passedOn = ["content-type", "content-security-policy"].map((name) => [name, answer.headers.get(name)]);
    response.writeHead(answer.status, Object.fromEntries(passedOn));
    response.end((await answer.text()).replaceAll(emulator.httpUrl, url));
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  const url = `http://localhost:${server.address().port}`;
  ours.add(url);
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url,
    /** Resolves at the first request to the token endpoint. */
    asked: asked.promise,
  };
}

/** The origin of the listener that an address leads the answer to. */
export const listenerOf = (address) =>
  new URL(new URL(address).searchParams.get("redirect_uri")).origin;

/** The secrets of the address and of the response, which must not be on a page, in the history or in
 * the output after a sign-in. */
export function secretsOf({ seen }, address) {
  const asked = new URL(address).searchParams;
  const answers = seen.requests
    .filter((request) => request.method() === "POST" && request.url().startsWith(listenerOf(address)))
    .map((request) => new URLSearchParams(request.postData()));
  assert.equal(answers.length, 1, "one answer came home");
  assert.ok(answers[0].has("code") || answers[0].has("error"));
  const secrets = [
    ...["state", "nonce", "code_challenge"].map((name) => asked.get(name)),
    ...["code", "client_info"].map((name) => answers[0].get(name)),
  ].filter(Boolean);
  assert.ok(secrets.length >= 3, "the address carries state, nonce and challenge");
  return secrets;
}

/** Clicks a user on the emulator's page. */
export const pick = (page, username) => button(page, username);

/** Clicks the button of this name. */
export const button = (page, name) => page.getByRole("button", { name }).click();

/** Enters a code on the page for the second factor. */
export async function prove(page, code) {
  await page.getByLabel("Code").fill(code);
  await button(page, "Verify");
}
