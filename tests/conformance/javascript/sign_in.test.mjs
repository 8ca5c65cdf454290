// MSAL for Node, unmodified, signs in at the emulator and renews what it got.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConfidentialClientApplication, InteractionRequiredAuthError } from "@azure/msal-node";

import * as world from "./world.mjs";

const { emulator } = world;

for (const tenant of [emulator.tenantId, "organizations", "common"]) {
  test(`signs in at ${tenant}, then silently, cached and forced`, async () => {
    const app = world.anApp(tenant);
    const result = await world.signIn(app);
    assert.equal(result.uniqueId, emulator.objectId);
    assert.equal(result.tenantId, emulator.tenantId);
    assert.equal(result.account.username, emulator.username);
    assert.equal(result.account.homeAccountId, `${emulator.objectId}.${emulator.tenantId}`);
    for (const scope of world.teamsScopes) {
      assert.ok(result.scopes.includes(scope), scope);
    }

    const [account] = await app.getTokenCache().getAllAccounts();
    const scopes = world.teamsScopes;
    const cached = await app.acquireTokenSilent({ account, scopes });
    assert.equal(cached.fromCache, true);
    assert.equal(cached.accessToken, result.accessToken);

    const forced = await app.acquireTokenSilent({ account, scopes, forceRefresh: true });
    assert.equal(forced.fromCache, false);
    assert.notEqual(forced.accessToken, result.accessToken);
    const claims = world.claims(forced.accessToken);
    assert.equal(claims.appid, emulator.clientId);
    assert.equal(claims.oid, emulator.objectId);
    assert.equal(claims.tid, emulator.tenantId);
    assert.equal(Math.round(forced.expiresOn.getTime() / 1000) - claims.exp <= 1, true);
  });
}

test("signs in the user that was chosen", async () => {
  const result = await world.signIn(world.anApp(), { user: world.unlicensed.username });
  assert.equal(result.uniqueId, world.unlicensed.objectId);
});

test("one refresh token serves another resource", async () => {
  const app = world.anApp();
  const { account } = await world.signIn(app);
  const result = await app.acquireTokenSilent({ account, scopes: world.clientsScopes });
  assert.equal(world.claims(result.accessToken).aud, "https://communication.azure.com/clients");
});

test("a scope that does not exist is refused at the page", async () => {
  const scopes = ["https://auth.msft.communication.azure.com/Teams.ManageAll"];
  await assert.rejects(world.signIn(world.anApp(), { scopes }), { errorCode: "invalid_scope" });
});

test("an invented refresh token is refused", async () => {
  const scopes = world.teamsScopes;
  await assert.rejects(world.anApp().acquireTokenByRefreshToken({ refreshToken: "garbage", scopes }), {
    errorCode: "invalid_grant",
    errorNo: 9002313,
  });
});

test("who is not signed in must sign in", async () => {
  const app = world.anApp();
  const { account } = await world.signIn(app);
  await app.getTokenCache().removeAccount(account);
  await assert.rejects(
    app.acquireTokenSilent({ account, scopes: world.teamsScopes }),
    InteractionRequiredAuthError,
  );
});

test("an app with the wrong secret is refused", async () => {
  const app = new ConfidentialClientApplication({
    auth: {
      clientId: world.serviceApp,
      clientSecret: "wrong",
      authority: `${emulator.url}/${emulator.tenantId}`,
      knownAuthorities: [new URL(emulator.url).host],
    },
  });
  await assert.rejects(
    app.acquireTokenByClientCredential({ scopes: ["https://communication.azure.com//.default"] }),
    { errorCode: "invalid_client", errorNo: 7000215 },
  );
});
