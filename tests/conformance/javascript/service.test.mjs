// @azure/communication-common, unmodified, kept fresh by `acspass serve` through the refresher that
// apps copy: with tokens that live so short that the SDK's own timers pass three times.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { startService } from "./service.mjs";
import * as world from "./world.mjs";

// Beside the modules, as in the folder of an app that has copied them.
const app = join(dirname(fileURLToPath(import.meta.url)), "app");
mkdirSync(app, { recursive: true });
for (const file of ["acspass.mjs", "node.mjs"]) {
  copyFileSync(join(process.env.CONFORMANCE_ROOT, "examples/refreshers/javascript", file), join(app, file));
}
const { AcspassError, SignInNeededError, tokenRefresher } = await import(join(app, "acspass.mjs"));

const patience = { timeout: 60_000 };
const left = (token) => world.claims(token).exp - Date.now() / 1000;

describe("tokens that live for seconds", { ...patience, concurrency: true }, () => {
  const LIFE = 12;
  // The service replaces a token at half of its life, the SDK at half of what it was given.
  const MARGIN = LIFE / 6;
  const seen = new Set();
  let service;
  before(async () => {
    service = await startService({ tokenLife: `${LIFE}s` });
  });
  after(async () => {
    // Whoever asks, and how often: one exchange for each token. The next one may have begun.
    const exchanges = service.exchanges();
    await service.close();
    assert.ok(exchanges >= seen.size && exchanges <= seen.size + 1, `${exchanges} for ${seen.size}`);
  });

  const firstTokens = {
    "with a first token": async (refresh) => ({ token: await refresh() }),
    "with null for a token": async () => ({ token: null }),
    "without a token": async () => ({}),
  };
  for (const [name, first] of Object.entries(firstTokens)) {
    test(`a credential ${name} lives through three refreshes`, patience, async () => {
      const refresh = tokenRefresher({ ...service, onTrouble: assert.fail });
      const troubles = [];
      const credential = new AzureCommunicationTokenCredential({
        tokenRefresher: (signal) =>
          refresh(signal).catch((error) => {
            // The SDK's timer would let nobody know.
            troubles.push(error);
            throw error;
          }),
        refreshProactively: true,
        ...(await first(refresh)),
      });
      const tokens = [];
      try {
        while (tokens.length < 4) {
          const { token, expiresOnTimestamp } = await credential.getToken();
          assert.ok(left(token) > MARGIN, `${left(token)} s left`);
          assert.equal(expiresOnTimestamp / 1000, world.claims(token).exp);
          if (tokens.at(-1) !== token) {
            assert.ok(await world.isHonoured(token, service.emulator));
            tokens.push(token);
            seen.add(token);
          }
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      } finally {
        credential.dispose();
      }
      assert.equal(new Set(tokens).size, 4, "every change brought another token");
      assert.deepEqual(troubles, []);
    });
  }

  test("the example lives under `acspass exec`", patience, async () => {
    const { CONFORMANCE_ACSPASS: acspass, CONFORMANCE_NODE: node } = process.env;
    const child = spawn(acspass, ["exec", "--", node, join(app, "node.mjs")], {
      stdio: ["ignore", "pipe", "inherit"],
      env: service.environment,
    });
    const ended = once(child, "exit");
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    for (let tokens = 0; tokens < 2; tokens += 1) {
      assert.match((await lines.next()).value ?? "", /^a token until \d{4}-/);
    }
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [null, "SIGTERM"]);
  });
});

test("a missing service is an error that names the variables and the next step", () => {
  const saved = process.env.ACSPASS_SERVE_URL;
  for (const [options, url] of [[undefined, undefined], [{}, "http://127.0.0.1:1"], [{ url: undefined }, undefined]]) {
    delete process.env.ACSPASS_SERVE_URL;
    if (url) process.env.ACSPASS_SERVE_URL = url;
    assert.throws(() => tokenRefresher(options), (error) => {
      assert.ok(error instanceof AcspassError && error.kind === "usage");
      assert.match(error.message, /ACSPASS_SERVE_SECRET_FILE is not set: Start the app with `acspass exec --server/);
      return true;
    });
  }
  if (saved) process.env.ACSPASS_SERVE_URL = saved;
});

test("what keeps a token from being had is told by its kind", patience, async () => {
  const service = await startService({ tokenLife: "75m" });
  try {
    const troubles = [];
    const onTrouble = (error) => troubles.push(error);
    const refresh = tokenRefresher({ ...service, onTrouble });
    const anew = (options) => tokenRefresher({ ...service, onTrouble: assert.fail, ...options })();

    const token = await refresh();
    assert.equal(await anew({ account: service.emulator.username }), token);
    await assert.rejects(anew({ secret: async () => "wrong" }), (error) => {
      assert.ok(error instanceof AcspassError && !(error instanceof SignInNeededError));
      assert.equal(error.code, "SecretNeeded");
      return true;
    });
    await assert.rejects(anew({ account: "nobody@contoso.example" }), SignInNeededError);
    await assert.rejects(
      tokenRefresher(service)(AbortSignal.abort()),
      (error) => error instanceof AcspassError,
    );

    await service.acspass("logout", "--all");
    // What the service knows of the accounts may be a second old.
    const gone = Date.now() + 10_000;
    while (troubles.length === 0 && Date.now() < gone) assert.equal(await refresh(), token);
    assert.ok(troubles[0] instanceof SignInNeededError, `${troubles}`);
    await assert.rejects(anew(), SignInNeededError);

    await service.stop();
    assert.equal(await refresh(), token);
    assert.equal(troubles.at(-1).kind, "unreachable");
    await assert.rejects(anew({ secret: async () => "any" }), { kind: "unreachable" });
  } finally {
    await service.close();
  }
});
