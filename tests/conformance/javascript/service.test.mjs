// @azure/communication-common, unmodified, kept fresh by `acspass serve`: with tokens that live so
// short that the SDK's own timers pass three times.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { startService } from "./service.mjs";
import * as world from "./world.mjs";

// Where modules are looked up, as in the folder of an app that has copied them.
const app = join(dirname(fileURLToPath(import.meta.url)), "app");
mkdirSync(app, { recursive: true });
for (const file of ["acspass.mjs", "node.mjs"]) {
  copyFileSync(join(process.env.CONFORMANCE_ROOT, "examples/refreshers/javascript", file), join(app, file));
}
const { AcspassError, SignInNeededError, tokenRefresher } = await import(join(app, "acspass.mjs"));

const LIFE = 12;
// The SDK replaces a token at half of what it has left, the service at half of its life.
const MARGIN = LIFE / 6;
const patience = { timeout: 60_000 };

let short;
let long;
before(async () => {
  [short, long] = await Promise.all([
    startService({ tokenLife: `${LIFE}s` }),
    startService({ tokenLife: "75m" }),
  ]);
}, patience);
after(() => Promise.all([short?.close(), long?.close()]));

const left = (token) => world.claims(token).exp - Date.now() / 1000;

/** A credential over this refresher, and what it was handed, in order. */
function observed(refresh, options) {
  const given = [];
  const troubles = [];
  const tokenRefresher = async (signal) => {
    try {
      const token = await refresh(signal);
      given.push(token);
      return token;
    } catch (error) {
      troubles.push(error);
      throw error;
    }
  };
  const credential = new AzureCommunicationTokenCredential({
    tokenRefresher,
    refreshProactively: true,
    ...options,
  });
  return { credential, given, troubles };
}

describe("the SDK's credential", { ...patience, concurrency: true }, () => {
for (const [name, options] of Object.entries({
  "with a first token": async (refresh) => ({ token: await refresh() }),
  "with the token null": async () => ({ token: null }),
  "without a first token": async () => ({}),
})) {
  test(`${name}, lives through three refreshes`, patience, async () => {
    const refresh = tokenRefresher({ ...short, onTrouble: assert.fail });
    const { credential, given, troubles } = observed(refresh, await options(refresh));
    const tokens = [];
    try {
      while (tokens.length < 4) {
        const { token, expiresOnTimestamp } = await credential.getToken();
        assert.ok(left(token) > MARGIN, `${left(token)} s left`);
        assert.equal(expiresOnTimestamp / 1000, world.claims(token).exp);
        if (tokens.at(-1) !== token) {
          console.log(name, tokens.length, left(token), given.length, short.exchanges());
          tokens.push(token);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    } finally {
      credential.dispose();
    }
    assert.deepEqual(troubles, []);
    assert.equal(new Set(tokens).size, 4, "every change brought another token");
  });
}
});
