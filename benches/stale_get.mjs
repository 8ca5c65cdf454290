// The job of a stale `acspass get` with msal and the ACS SDK, as a whole process.
//
//     stale_get.mjs CACHE sign-in     signs in, and writes msal's cache
//     stale_get.mjs CACHE             redeems the refresh token, exchanges, prints the token

import { readFileSync, writeFileSync } from "node:fs";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { CryptoProvider, PublicClientApplication } from "@azure/msal-node";

const { env } = process;
const [file, task] = process.argv.slice(2);
const authority = `${env.AZURE_AUTHORITY_HOST}/${env.ACSPASS_TENANT_ID}`;
const clientId = env.ACSPASS_CLIENT_ID;
const scopes = ["https://auth.msft.communication.azure.com/Teams.ManageCalls"];
const knownAuthorities = [new URL(authority).host];
const app = new PublicClientApplication({ auth: { clientId, authority, knownAuthorities } });

if (task === "sign-in") {
  const redirectUri = "http://localhost";
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const pkce = { codeChallenge: challenge, codeChallengeMethod: "S256" };
  const loginHint = "ada@contoso.example";
  const url = new URL(await app.getAuthCodeUrl({ scopes, redirectUri, loginHint, ...pkce }));
  const page = await fetch(url.origin + url.pathname, {
    method: "POST",
    body: url.searchParams,
    redirect: "manual",
  });
  const code = new URL(page.headers.get("location")).searchParams.get("code");
  await app.acquireTokenByCode({ code, scopes, redirectUri, codeVerifier: verifier });
} else {
  const cache = app.getTokenCache();
  cache.deserialize(readFileSync(file, "utf8"));
  const [account] = await cache.getAllAccounts();
  const user = await app.acquireTokenSilent({ account, scopes, forceRefresh: true });
  const identity = new CommunicationIdentityClient(env.COMMUNICATION_SERVICES_CONNECTION_STRING);
  const { token } = await identity.getTokenForTeamsUser({
    teamsUserAadToken: user.accessToken,
    clientId,
    userObjectId: user.uniqueId,
  });
  console.log(token);
}
writeFileSync(file, app.getTokenCache().serialize());
