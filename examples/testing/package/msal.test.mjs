import assert from "node:assert/strict";
import { after, test } from "node:test";
import { CryptoProvider, PublicClientApplication } from "@azure/msal-node";
import { startEmulator } from "acspass";

const emulator = await startEmulator();
after(() => emulator.stop());

test("a revoked session in MSAL", async () => {
  const { authority, clientId } = emulator;
  const knownAuthorities = [new URL(authority).host];
  const app = new PublicClientApplication({ auth: { authority, clientId, knownAuthorities } });
  const { verifier: codeVerifier, challenge: codeChallenge } = await new CryptoProvider().generatePkceCodes();
  const scopes = ["https://auth.msft.communication.azure.com/Teams.ManageCalls"];
  const request = { scopes, redirectUri: "http://localhost" };
  const pkce = { codeChallenge, codeChallengeMethod: "S256" };
  const url = await app.getAuthCodeUrl({ ...request, ...pkce, loginHint: "ada@contoso.example" });
  const { code } = await emulator.authorize(url);
  const { account } = await app.acquireTokenByCode({ ...request, code, codeVerifier });
  await emulator.revokeSessions(account.username);
  await assert.rejects(app.acquireTokenSilent({ scopes, account, forceRefresh: true }), /AADSTS50173/);
});
