// @azure/communication-administration 1.0.0-beta.4, unmodified: the sequence of the 2020 quickstart.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CommunicationIdentityClient } from "@azure/communication-administration";

import * as world from "./world.mjs";

const client = new CommunicationIdentityClient(world.emulator.connectionString);

async function issue(user, scopes) {
  const { token, expiresOn, user: same } = await client.issueToken(user, scopes);
  assert.equal(same.communicationUserId, user.communicationUserId);
  const claims = world.claims(token);
  assert.equal(`8:${claims.skypeid}`, user.communicationUserId);
  assert.equal(claims.acsScope, scopes.join(","));
  assert.equal(expiresOn.getTime() / 1000, claims.exp);
  return token;
}

const refused = (call, statusCode) =>
  assert.rejects(call, (error) => {
    assert.equal(error.statusCode, statusCode, error.message);
    return true;
  });

test("creates, issues, issues again, revokes and deletes", async () => {
  const user = await client.createUser();
  assert.match(user.communicationUserId, /^8:acs:/);
  const first = await issue(user, ["chat"]);
  const again = await issue(user, ["chat", "voip"]);
  assert.ok((await world.isHonoured(first)) && (await world.isHonoured(again)));

  await client.revokeTokens(user);
  assert.ok(!(await world.isHonoured(first)) && !(await world.isHonoured(again)));
  const after = await issue(user, ["voip"]);
  assert.ok(await world.isHonoured(after));

  await client.deleteUser(user);
  assert.ok(!(await world.isHonoured(after)));
  await refused(client.issueToken(user, ["chat"]), 401);
});

test("revokes what was issued before a time", async () => {
  const user = await client.createUser();
  const token = await issue(user, ["chat"]);
  await client.revokeTokens(user, new Date(Date.now() - 3_600_000));
  assert.ok(await world.isHonoured(token));
  await client.revokeTokens(user, new Date(Date.now() + 1000));
  assert.ok(!(await world.isHonoured(token)));
});

test("what the service refuses is refused", async () => {
  const user = await client.createUser();
  for (const scopes of [[], ["nonsense"], ["voip.join"]]) {
    await refused(client.issueToken(user, scopes), 400);
  }
  const foreign = { communicationUserId: world.foreignIdentity };
  await refused(client.issueToken(foreign, ["chat"]), 401);
  await refused(client.revokeTokens(foreign), 401);
  await refused(client.deleteUser(foreign), 401);
  const wrong = new CommunicationIdentityClient(world.emulator.url, { key: "d3Jvbmc=" });
  await refused(wrong.createUser(), 401);
});
