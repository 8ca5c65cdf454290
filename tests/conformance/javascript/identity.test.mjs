// @azure/communication-identity, unmodified: every operation and every documented error, with each
// way of proving the right to the resource.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { CommunicationIdentityClient } from "@azure/communication-identity";
import { ClientSecretCredential } from "@azure/identity";

import * as world from "./world.mjs";

const { emulator, refused } = world;

const client = new CommunicationIdentityClient(emulator.connectionString);
const withKey = (key) => new CommunicationIdentityClient(emulator.url, { key });
const byEntra = (id, secret) =>
  new CommunicationIdentityClient(
    emulator.url,
    new ClientSecretCredential(emulator.tenantId, id, secret, {
      authorityHost: emulator.url,
      disableInstanceDiscovery: true,
    }),
  );
const withToken = (token) =>
  new CommunicationIdentityClient(emulator.url, {
    getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
  });
const exchange = (client, token, clientId = emulator.clientId, userObjectId = emulator.objectId) =>
  client.getTokenForTeamsUser({ teamsUserAadToken: token, clientId, userObjectId });

const waysIn = {
  "a connection string": () => client,
  "an endpoint and a key": () => withKey(world.key),
  "an Entra credential": () => byEntra(world.serviceApp, world.serviceSecret),
};

for (const [way, open] of Object.entries(waysIn)) {
  test(`creates, issues, refreshes, revokes, deletes and exchanges with ${way}`, async () => {
    const client = open();
    const user = await client.createUser();
    assert.match(user.communicationUserId, /^8:acs:/);
    const first = await client.getToken(user, ["chat"]);
    const again = await client.getToken(user, ["chat", "voip"]);
    assert.ok((await world.isHonoured(first.token)) && (await world.isHonoured(again.token)));

    await client.revokeTokens(user);
    assert.ok(!(await world.isHonoured(first.token)) && !(await world.isHonoured(again.token)));
    const after = await client.getToken(user, ["voip"]);
    assert.ok(await world.isHonoured(after.token));

    await client.deleteUser(user);
    assert.ok(!(await world.isHonoured(after.token)));
    await refused(client.getToken(user, ["chat"]), 401, "IdentityNotOwned");

    const entra = await world.entraToken();
    const token = await exchange(client, entra);
    assert.equal(token.expiresOn.getTime() / 1000, world.claims(entra).exp);
    assert.equal(world.claims(token.token).skypeid, `orgid:${emulator.objectId}`);
    assert.ok(await world.isHonoured(token.token));
  });
}

const known = ["chat", "voip", "chat.join", "chat.join.limited", "voip.join"];

test("issues each scope with each lifetime", async () => {
  const check = ({ token, expiresOn }, user, scopes, minutes) => {
    const claims = world.claims(token);
    assert.equal(`8:${claims.skypeid}`, user.communicationUserId);
    assert.equal(claims.acsScope, scopes.join(","));
    assert.equal(claims.exp - claims.iat, minutes * 60);
    assert.equal(expiresOn.getTime() / 1000, claims.exp);
  };
  const user = await client.createUser();
  for (const scopes of [...known.map((scope) => [scope]), known]) {
    for (const tokenExpiresInMinutes of [60, 1440, undefined]) {
      const minutes = tokenExpiresInMinutes ?? 1440;
      check(await client.getToken(user, scopes, { tokenExpiresInMinutes }), user, scopes, minutes);
      const created = await client.createUserAndToken(scopes, { tokenExpiresInMinutes });
      assert.notEqual(created.user.communicationUserId, user.communicationUserId);
      check(created, created.user, scopes, minutes);
    }
  }
});

test("scopes are needed and known", async () => {
  const user = await client.createUser();
  await refused(client.getToken(user, []), 400, "ValidationError", "scopes");
  await refused(client.getToken(user, ["nonsense"]), 400, "ValidationError", "scopes");
});

test("a lifetime out of range is refused", async () => {
  const user = await client.createUser();
  for (const tokenExpiresInMinutes of [59, 1441, -1]) {
    const options = { tokenExpiresInMinutes };
    for (const call of [
      () => client.getToken(user, ["chat"], options),
      () => client.createUserAndToken(["chat"], options),
    ]) {
      await refused(call(), 400, "ValidationError", "ExpiresInMinutes");
    }
  }
});

test("an identity of another resource, or of none, is refused", async () => {
  const foreign = { communicationUserId: world.foreignIdentity };
  const deleted = await client.createUser();
  await client.deleteUser(deleted);
  for (const user of [foreign, deleted]) {
    await refused(client.getToken(user, ["chat"]), 401, "IdentityNotOwned");
    await refused(client.revokeTokens(user), 401, "IdentityNotOwned");
  }
  await refused(client.deleteUser(foreign), 401, "IdentityNotOwned");
  const none = { communicationUserId: "sanitized" };
  await refused(client.getToken(none, ["chat"]), 400, "ValidationError", "id");
});

test("an exchange needs a good Entra token", async () => {
  const good = await world.entraToken();
  const graph = await world.entraToken({ scopes: ["https://graph.microsoft.com/User.Read"] });
  for (const token of ["", "invalid", world.expired(good), graph]) {
    await refused(exchange(client, token), 401, "InvalidAccessToken");
    // The token is looked at first.
    await refused(exchange(client, token, emulator.clientId, ""), 401, "InvalidAccessToken");
  }
});

test("an exchange is for the token's own app and user", async () => {
  const token = await world.entraToken();
  const { clientId, objectId } = emulator;
  for (const [app, user, target] of [
    ["sanitized", objectId, "appId"],
    [world.otherGuid, objectId, "appId"],
    ["", objectId, "AppId"],
    [clientId, "sanitized", "userId"],
    [clientId, world.otherGuid, "userId"],
    [clientId, "", "UserId"],
  ]) {
    await refused(exchange(client, token, app, user), 400, "ValidationError", target);
  }
});

test("an exchange needs a licence", async () => {
  const token = await world.entraToken({ user: world.unlicensed.username });
  const call = exchange(client, token, emulator.clientId, world.unlicensed.objectId);
  await refused(call, 403, "Forbidden");
});

test("a wrong key is refused", async () => {
  await refused(withKey("d3Jvbmc=").createUser(), 401, "Denied");
});

test("a wrong clock is refused", async () => {
  const now = Date.now();
  for (const shift of [-3_600_000, 3_600_000]) {
    mock.timers.enable({ apis: ["Date"], now: now + shift });
    try {
      await refused(client.createUser(), 401, "Denied");
    } finally {
      mock.timers.reset();
    }
  }
  await client.createUser();
});

test("an app without a role, and one with the wrong secret, are refused", async () => {
  const without = byEntra(world.appWithoutRole, world.secretWithoutRole);
  await refused(without.createUser(), 403, "Forbidden");
  await assert.rejects(byEntra(world.serviceApp, "wrong").createUser(), /AADSTS7000215/);
});

test("an Entra token for another audience, or past its end, is refused", async () => {
  const credential = new ClientSecretCredential(
    emulator.tenantId,
    world.serviceApp,
    world.serviceSecret,
    { authorityHost: emulator.url, disableInstanceDiscovery: true },
  );
  const { token } = await credential.getToken("https://communication.azure.com//.default");
  await withToken(token).createUser();
  for (const bad of [await world.entraToken(), world.expired(token), "garbage"]) {
    await refused(withToken(bad).createUser(), 401, "Denied");
  }
});
