// A running `acspass serve` over an emulator of its own, whose user is signed in.

import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const { env } = process;

/** Starts both, or the emulator alone; `close` ends them. `settings` are more variables of acspass. */
export async function startService({ tokenLife, serves = true, settings = {} }) {
  const home = mkdtempSync(join(env.CONFORMANCE_OUT, "home-"));
  const ends = [() => rmSync(home, { recursive: true })];
  const close = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    return await started(home, ends, close, { tokenLife, serves, settings });
  } catch (error) {
    await close();
    throw error;
  }
}

async function started(home, ends, close, { tokenLife, serves, settings }) {
  let exchanges = 0;
  // A line of the emulator's log for each exchange that succeeded.
  const count = (line) => {
    if (line.includes("/teamsUser/:exchangeAccessToken") && line.includes(" 200")) exchanges += 1;
  };
  const log = { ...env, ACSPASS_LOG: "debug" };
  const emulator = await daemon(ends, ["emulator", "--https-port=0", "--http-port=0", "--token-life", tokenLife], log, count);
  const keyFile = join(home, "key");
  writeFileSync(keyFile, randomBytes(32), { mode: 0o600 });
  const own = {
    PATH: env.PATH,
    HOME: home,
    ACSPASS_CONFIG_DIR: home,
    ACSPASS_STATE_DIR: home,
    ACSPASS_STORE: "file",
    ACSPASS_STORE_KEY_FILE: keyFile,
    ACSPASS_CA_FILE: emulator.caFile,
    ACSPASS_TENANT_ID: emulator.tenantId,
    ACSPASS_CLIENT_ID: emulator.clientId,
    AZURE_AUTHORITY_HOST: emulator.url,
    COMMUNICATION_SERVICES_CONNECTION_STRING: emulator.connectionString,
    BROWSER: `${env.CONFORMANCE_PYTHON} ${join(env.CONFORMANCE_ROOT, "tests/conformance/python/browser.py")}`,
    // The browser's own.
    SSL_CERT_FILE: emulator.caFile,
    ...settings,
  };
  const acspass = (...args) => run(env.CONFORMANCE_ACSPASS, args, { env: own });
  await acspass("login", "--timeout", "30s");
  const service = serves ? await daemon(ends, ["serve", "--port", "0"], own) : {};
  return {
    ...service,
    secret: async () => readFileSync(service.secretFile, "utf8"),
    emulator,
    environment: own,
    acspass,
    /** How many Communication tokens the emulator has issued. */
    exchanges: () => exchanges,
    close,
  };
}

/** Starts a command that says in one line where it is; returns that line. */
async function daemon(ends, args, environment, heard = () => {}) {
  const child = spawn(env.CONFORMANCE_ACSPASS, [...args, "-o", "json"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGINT");
    await ended;
  };
  ends.push(stop);
  createInterface(child.stderr).on("line", heard);
  const lines = createInterface(child.stdout);
  const [line] = await Promise.race([
    once(lines, "line"),
    ended.then(([code]) => Promise.reject(new Error(`acspass ${args[0]} ended: ${code}`))),
  ]);
  return { ...JSON.parse(line), stop };
}
