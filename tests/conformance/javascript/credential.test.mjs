// @azure/communication-common, unmodified: its refreshing credential fed by acspass, and its Entra
// credential against the exchanges that need no access key.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import * as world from "./world.mjs";

const { emulator } = world;

/** A token that ends in so many seconds, for nobody to verify. */
const ending = (seconds) => {
  const exp = Math.floor(Date.now() / 1000) + seconds;
  return `e30.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.e30`;
};

const sources = {
  "`acspass get`": { args: ["get", "--interactive", "--timeout", "30s"], skypeId: /^orgid:/ },
  "`acspass token issue`": {
    args: ["token", "issue", "--user", null, "--scope", "chat", "--scope", "voip"],
    skypeId: /^acs:/,
  },
};

for (const [name, { args, skypeId }] of Object.entries(sources)) {
  test(`refreshes by ${name}`, async () => {
    const user = args.includes(null) ? await acspassUser() : undefined;
    let calls = 0;
    const credential = new AzureCommunicationTokenCredential({
      tokenRefresher: async () => {
        calls += 1;
        return world.acspass(args.map((arg) => arg ?? user));
      },
      token: ending(-60),
    });
    try {
      const { token, expiresOnTimestamp } = await credential.getToken();
      assert.match(world.claims(token).skypeid, skypeId);
      assert.equal(expiresOnTimestamp / 1000, world.claims(token).exp);
      assert.ok(await world.isHonoured(token));
      assert.equal((await credential.getToken()).token, token);
      assert.equal(calls, 1);
    } finally {
      credential.dispose();
    }
  });
}

const acspassUser = () => world.acspass(["user", "create"]);

test("refreshes by acspass before the token ends", { timeout: 60_000 }, async () => {
  const user = await acspassUser();
  let credential;
  const refreshed = new Promise((resolve, reject) => {
    credential = new AzureCommunicationTokenCredential({
      tokenRefresher: async () => {
        const issued = world.acspass(["token", "issue", "--user", user, "--scope", "voip"]);
        issued.then(resolve, reject);
        return issued;
      },
      refreshProactively: true,
      // Half of it is when the SDK starts to refresh.
      token: ending(6),
    });
  });
  try {
    const token = await refreshed;
    assert.equal(world.claims(token).acsScope, "voip");
    // The SDK has it only once its own promises have run.
    await new Promise(setImmediate);
    assert.equal((await credential.getToken()).token, token);
  } finally {
    credential.dispose();
  }
});

const families = {
  "/access/entra": {
    scopes: undefined,
    acsScope: "chat,voip,chat.join,chat.join.limited,voip.join",
    skypeId: `_wf_${emulator.tenantId}_${emulator.objectId}`,
  },
  "/access/teamsExtension": {
    scopes: world.extensionScopes,
    acsScope: "voip",
    skypeId: `_${emulator.tenantId}_${emulator.objectId}`,
  },
};

const entra = (tokenCredential, scopes) =>
  new AzureCommunicationTokenCredential({
    resourceEndpoint: emulator.url,
    tokenCredential,
    ...(scopes && { scopes }),
  });
const fixed = (token) => ({
  getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
});

for (const [path, { scopes, acsScope, skypeId }] of Object.entries(families)) {
  test(`exchanges at ${path}`, async () => {
    const inner = await world.credentialOf();
    let force = false;
    const tokenCredential = {
      getToken: (scopes) => inner.getToken(scopes, { forceRefresh: force }),
    };
    const credential = entra(tokenCredential, scopes);
    try {
      const { token, expiresOnTimestamp } = await credential.getToken();
      const claims = world.claims(token);
      assert.ok(claims.skypeid.startsWith("acs:") && claims.skypeid.endsWith(skypeId), claims.skypeid);
      assert.equal(claims.acsScope, acsScope);
      assert.equal(claims.exp * 1000, expiresOnTimestamp);
      assert.ok(await world.isHonoured(token));
      // The same Entra token is exchanged once, another one again.
      assert.equal((await credential.getToken()).token, token);
      force = true;
      assert.notEqual((await credential.getToken()).token, token);
    } finally {
      credential.dispose();
    }
  });

  test(`a bad Entra token is refused at ${path}`, async () => {
    const asked = scopes ?? world.clientsScopes;
    const good = await world.entraToken({ scopes: asked });
    const teams = await world.entraToken();
    const otherAudience = await world.entraToken({ scopes: ["https://graph.microsoft.com/User.Read"] });
    for (const token of ["garbage", world.expired(good), otherAudience]) {
      await assert.rejects(entra(fixed(token), asked).getToken(), /Status: 401, Body: .*"Denied"/);
    }
    // Signed and alive, but not for this.
    await assert.rejects(entra(fixed(teams), asked).getToken(), /Status: 40[13]/);
  });

  test(`who is not assigned is refused at ${path}`, async () => {
    const user = "dora@fabrikam.example";
    const token = await world.entraToken({ user, scopes: scopes ?? world.clientsScopes });
    const moved = world.resigned(token, { appid: world.otherGuid });
    await assert.rejects(entra(fixed(moved), scopes).getToken(), /Status: 403/);
  });
}

test("the Teams extension needs a licence", async () => {
  const token = await world.entraToken({ user: world.unlicensed.username, scopes: world.extensionScopes });
  await assert.rejects(entra(fixed(token), world.extensionScopes).getToken(), /Status: 403/);
});

test("scopes of both families are refused by the SDK itself", async () => {
  const token = await world.entraToken();
  const both = [...world.clientsScopes, ...world.extensionScopes];
  await assert.rejects(entra(fixed(token), both).getToken(), /Scopes validation failed/);
});

test("an endpoint that ends in a slash is understood", async () => {
  const credential = new AzureCommunicationTokenCredential({
    resourceEndpoint: `${emulator.url}/`,
    tokenCredential: await world.credentialOf(),
  });
  assert.ok(await world.isHonoured((await credential.getToken()).token));
  credential.dispose();
});
