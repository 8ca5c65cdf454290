import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { clientId, control, isAccepted, scopes, signIn } from "./emulator.mjs";

const identity = new CommunicationIdentityClient(process.env.COMMUNICATION_SERVICES_CONNECTION_STRING);
const exchange = ({ accessToken: teamsUserAadToken, uniqueId: userObjectId }) =>
  identity.getTokenForTeamsUser({ teamsUserAadToken, clientId, userObjectId });

beforeEach(() => control("POST", "reset"));

test("consent refused", async () => {
  const refused = signIn("consent@contoso.example", { emulator_consent: "decline" });
  await assert.rejects(refused, /AADSTS65004/);
});

test("licence missing", async () => {
  await assert.rejects(exchange(await signIn("cleo@contoso.example")), { statusCode: 403 });
});

test("throttled twice", async () => {
  const user = await signIn("ada@contoso.example");
  await control("POST", "faults", { name: "throttled", route: "exchange", times: 2 });
  assert.ok(await isAccepted((await exchange(user)).token));
});

test("token expires", async () => {
  const { token } = await exchange(await signIn("ada@contoso.example"));
  await control("PUT", "clock", { advanceSeconds: 7200 });
  assert.equal(await isAccepted(token), false);
});

test("revoked", async () => {
  const { app, account } = await signIn("ada@contoso.example");
  await control("POST", "sessions/revoke", { user: account.username });
  await assert.rejects(app.acquireTokenSilent({ account, scopes, forceRefresh: true }), /AADSTS50173/);
});
