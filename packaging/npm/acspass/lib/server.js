// The process of a private emulator.
//
// `emulator exec` runs an emulator for as long as its command runs. The command is a short script of this
// Node: it prints the variables, then waits for the end of its standard input. So the emulator also ends
// if this process is killed.
"use strict";

const { spawn } = require("node:child_process");
const { EmulatorError } = require("./errors.js");

/** The variables by which clients find the emulator: those of `acspass emulator env`. */
const VARIABLES = [
  "ACSPASS_EMULATOR_URL",
  "AZURE_AUTHORITY_HOST",
  "ACSPASS_TENANT_ID",
  "ACSPASS_CLIENT_ID",
  "COMMUNICATION_SERVICES_CONNECTION_STRING",
  "NODE_EXTRA_CA_CERTS",
  "REQUESTS_CA_BUNDLE",
  "SSL_CERT_FILE",
  "CURL_CA_BUNDLE",
];
const COMMAND = `
  const variables = process.argv.slice(1).map((name) => [name, process.env[name]]);
  process.stdout.write(JSON.stringify(Object.fromEntries(variables)) + "\\n");
  process.stdin.once("data", () => process.exit());
`;
const STOP_MS = 10_000;
const MOST_ERROR_CHARACTERS = 4000;

/** Starts an emulator with these options of `emulator exec`; returns its variables and `stop`. */
async function startServer(program, options, timeoutMs) {
  const command = [process.execPath, "-e", COMMAND, ...VARIABLES];
  const child = spawn(program, ["emulator", "exec", ...options, "--", ...command], {
    env: ownEnvironment(),
    // Ctrl-C of a terminal ends the tests first.
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  let errors = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (part) => (errors = (errors + part).slice(-MOST_ERROR_CHARACTERS)));
  // The command may have ended already.
  child.stdin.on("error", () => {});
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    const line = await firstLine(child, timeoutMs);
    // A suite that forgets to stop the emulator ends nevertheless.
    for (const handle of [child, child.stdin, child.stdout, child.stderr]) handle.unref();
    return { variables: JSON.parse(line), stop: () => stop(child, ended) };
  } catch (cause) {
    child.stdin.end();
    child.kill();
    const reason = errors.trim() || cause.message;
    throw new EmulatorError(`the emulator did not start: ${reason}`, { cause });
  }
}

/** Returns this environment without what leads acspass elsewhere, or Node to another start. */
function ownEnvironment() {
  const isForeign = /^(ACSPASS_|AZURE_|COMMUNICATION_|NODE_OPTIONS$|NODE_V8_COVERAGE$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isForeign.test(name)));
}

/** Returns the first line of the child's output. */
function firstLine(child, timeoutMs) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`timed out after ${timeoutMs / 1000} s`)), timeoutMs);
    let text = "";
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (part) => {
      text += part;
      if (!text.includes("\n")) return;
      clearTimeout(timer);
      resolve(text.slice(0, text.indexOf("\n")));
    });
    const fail = (error) => {
      clearTimeout(timer);
      reject(error);
    };
    child.once("error", fail);
    child.once("close", (code) => fail(new Error(`it ended with exit code ${code}`)));
  });
}

async function stop(child, ended) {
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  child.ref();
  child.stdin.end("\n");
  await ended;
  clearTimeout(timer);
}

module.exports = { VARIABLES, startServer };
