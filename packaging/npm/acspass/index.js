// The emulator of acspass for test suites.
"use strict";

const { Emulator } = require("./lib/emulator.js");
const { EmulatorError, SignInRefusedError } = require("./lib/errors.js");
const { programPath } = require("./lib/program.js");
const { request } = require("./lib/request.js");
const { VARIABLES, startServer } = require("./lib/server.js");
const { trust } = require("./lib/trust.js");

/** Starts a private emulator on free ports. */
async function startEmulator({ seed, tokenLife, strictVersions, program, timeoutMs = 30_000 } = {}) {
  const options = [];
  if (seed) options.push("--seed", seed);
  if (tokenLife) options.push("--token-life", tokenLife);
  if (strictVersions) options.push("--strict-versions");
  const { variables, stop } = await startServer(program ?? programPath(), options, timeoutMs);
  const distrust = trust(variables.SSL_CERT_FILE);
  const stopAll = async () => {
    distrust();
    await stop();
  };
  try {
    return new Emulator(await info(variables.ACSPASS_EMULATOR_URL), variables, stopAll);
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** Connects to the emulator at `ACSPASS_EMULATOR_URL`, such as that of `acspass emulator exec`. */
async function connectEmulator(url = process.env.ACSPASS_EMULATOR_URL) {
  if (!url) {
    throw new EmulatorError("ACSPASS_EMULATOR_URL is not set: run the tests with `acspass emulator exec -- CMD`");
  }
  const present = VARIABLES.filter((name) => name in process.env);
  const environment = Object.fromEntries(present.map((name) => [name, process.env[name]]));
  return new Emulator(await info(url), { ...environment, ACSPASS_EMULATOR_URL: url }, async () => {});
}

async function info(url) {
  const { status, text } = await request("GET", `${url}/_emulator/v1/info`);
  if (status !== 200) throw new EmulatorError(`the program at ${url} is no emulator of acspass`);
  return JSON.parse(text);
}

module.exports = { Emulator, EmulatorError, SignInRefusedError, connectEmulator, programPath, startEmulator };
