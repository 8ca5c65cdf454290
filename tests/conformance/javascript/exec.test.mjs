// Apps under `acspass exec --server` and `--managed-identity`: the SDKs and the refresher that apps copy
// are unmodified, and the tokens live so short that they are replaced several times.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { get } from "node:http";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startService } from "./service.mjs";
import * as world from "./world.mjs";

const run = promisify(execFile);
const { CONFORMANCE_ACSPASS: acspass, CONFORMANCE_NODE: node, CONFORMANCE_ROOT: root } = process.env;
const here = dirname(fileURLToPath(import.meta.url));
// Beside the modules, as in the folder of an app that has copied them.
const app = join(here, "exec_app");
mkdirSync(app, { recursive: true });
for (const file of ["acspass.mjs", "node.mjs", "server.mjs", "page.js"]) {
  copyFileSync(join(root, "examples/refreshers/javascript", file), join(app, file));
}
const patience = { timeout: 120_000 };

/** The status and the body of `GET /token` of the example's server. */
async function tokenFrom(origin, headers) {
  const [response] = await once(get(`${origin}/token`, { headers }), "response");
  const parts = await response.toArray();
  return { status: response.statusCode, ...JSON.parse(Buffer.concat(parts)) };
}

/** What the app under `exec --managed-identity` prints. */
async function withIdentity({ environment, emulator }, ...words) {
  const script = join(here, "managed_identity.mjs");
  const { stdout } = await run(acspass, ["exec", "--managed-identity", "--", node, script, ...words], {
    // An app that has a client id of its own would ask for that identity.
    env: { ...environment, NODE_EXTRA_CA_CERTS: emulator.caFile, AZURE_CLIENT_ID: world.otherGuid },
  });
  return JSON.parse(stdout);
}

describe("tokens that live for twelve seconds", { ...patience, concurrency: true }, () => {
  let service;
  before(async () => {
    service = await startService({ tokenLife: "12s", serves: false });
  });
  after(() => service.close());

  test("the example under `exec --server` lives through five refreshes", patience, async () => {
    const child = spawn(acspass, ["exec", "--server", "--", node, join(app, "node.mjs")], {
      stdio: ["ignore", "pipe", "inherit"],
      env: service.environment,
    });
    const ended = once(child, "exit");
    const seen = [];
    for await (const line of createInterface(child.stdout)) {
      seen.push(line);
      if (seen.length === 6) child.kill("SIGTERM");
    }
    // As shells tell that a signal ended the app.
    assert.deepEqual(await ended, [128 + 15, null]);
    assert.equal(new Set(seen).size, 6, `${seen}`);
    for (const line of seen) assert.match(line, /^a token until \d{4}-/);
    const left = readdirSync(join(service.environment.ACSPASS_STATE_DIR, "exec"));
    assert.deepEqual(left, ["lock"]);
  });

  test("the server of the guide gives a token to its own page only", patience, async () => {
    const child = spawn(acspass, ["exec", "--server", "--", node, join(app, "server.mjs")], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...service.environment, PORT: "0" },
    });
    const ended = once(child, "exit");
    try {
      const [line] = await once(createInterface(child.stdout), "line");
      const { origin, host, hash } = new URL(line);
      const authorization = `Bearer ${hash.slice(1)}`;
      const { status, token } = await tokenFrom(origin, { authorization });
      assert.equal(status, 200);
      const [, claims] = token.split(".");
      assert.match(JSON.parse(Buffer.from(claims, "base64url")).skypeid, /^orgid:/);
      assert.equal((await tokenFrom(origin, { authorization, origin })).status, 200);

      const foreign = new URL(`http://127.0.0.1:${host.split(":")[1]}`);
      for (const [headers, expected] of [
        [{}, 401],
        [{ authorization: "Bearer " }, 401],
        [{ authorization: `${authorization}x` }, 401],
        [{ authorization, origin: "https://example.com" }, 403],
        [{ authorization, origin: foreign.origin }, 403],
        [{ authorization, host: foreign.host }, 421],
        [{ authorization, host: "example.com" }, 421],
      ]) {
        const refused = await tokenFrom(origin, headers);
        assert.deepEqual([refused.status, refused.token], [expected, undefined], JSON.stringify(headers));
      }
      const page = await fetch(`${origin}/`);
      const [, path] = /<script type="module" src="(.+?)">/.exec(await page.text());
      const script = await fetch(origin + path);
      assert.match(script.headers.get("content-type"), /^text\/javascript/);
      assert.equal(await script.text(), readFileSync(join(app, "page.js"), "utf8"));
      assert.equal((await fetch(`${origin}/server.mjs`)).status, 404);
    } finally {
      child.kill("SIGTERM");
      await ended;
    }
  });

  test("the credentials of @azure/identity get the user's Entra token", patience, async () => {
    const resource = "https://auth.msft.communication.azure.com";
    const got = await withIdentity(service, "tokens", `${resource}/.default`);
    for (const name of ["DefaultAzureCredential", "ManagedIdentityCredential"]) {
      const { aud, oid, exp, expiresOn } = got[name];
      assert.deepEqual({ aud, oid }, { aud: resource, oid: service.emulator.objectId }, name);
      // MSAL adds the seconds that are left to its own clock.
      assert.ok(Math.abs(exp - expiresOn) <= 2, `${exp} and ${expiresOn}`);
    }
    assert.match(got.otherResource, /is not the one that acspass is configured for/);
    assert.match(got.otherIdentity, /No User Assigned or Delegated Managed Identity found/);
  });
});

test("the Entra credential of @azure/communication-common lives through three refreshes", patience, async () => {
  const settings = { ACSPASS_EXCHANGE: "entra" };
  const service = await startService({ tokenLife: "12s", serves: false, settings });
  try {
    const { ends } = await withIdentity(service, "exchange", service.emulator.url);
    assert.equal(ends.length, 4);
    assert.deepEqual(ends, ends.toSorted(), "each one ends later");
  } finally {
    await service.close();
  }
});
