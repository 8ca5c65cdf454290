import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { startEmulator } from "acspass";

const emulator = await startEmulator();
const identity = new CommunicationIdentityClient(emulator.connectionString);
const exchange = ({ accessToken: teamsUserAadToken, clientId, objectId: userObjectId }) =>
  identity.getTokenForTeamsUser({ teamsUserAadToken, clientId, userObjectId });
beforeEach(() => emulator.reset());
after(() => emulator.stop());

test("consent refused", () =>
  assert.rejects(emulator.signIn("consent@contoso.example", { consent: "decline" }), /AADSTS65004/));

test("licence missing", async () =>
  assert.rejects(exchange(await emulator.signIn("cleo@contoso.example")), { statusCode: 403 }));

test("throttled twice", async () => {
  await emulator.addFault("throttled", { route: "exchange", times: 2 });
  assert.ok(await emulator.isAccepted((await exchange(await emulator.signIn())).token));
});

test("token expires", async () => {
  const { token } = await exchange(await emulator.signIn());
  await emulator.setClock({ advanceSeconds: 7200 });
  assert.equal(await emulator.isAccepted(token), false);
});

test("revoked", async () => {
  const user = await emulator.signIn();
  await emulator.revokeSessions(user.username);
  await assert.rejects(emulator.refresh(user), /AADSTS50173/);
});
