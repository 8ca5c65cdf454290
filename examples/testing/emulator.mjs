// Sign-ins without a browser, and the control API of the emulator.

import { beforeEach } from "node:test";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { CryptoProvider, PublicClientApplication } from "@azure/msal-node";

const { env } = process;
const redirectUri = "http://localhost";
const clientId = env.ACSPASS_CLIENT_ID;
const scopes = ["https://auth.msft.communication.azure.com/Teams.ManageCalls"];
const identity = new CommunicationIdentityClient(env.COMMUNICATION_SERVICES_CONNECTION_STRING);

beforeEach(() => control("POST", "reset"));

/** The form that refuses consent. */
export const decline = { emulator_consent: "decline" };

/** Signs in the user of the hint; `answers` is the form of a page. */
export async function signIn(loginHint, answers = {}) {
  const authority = `${env.AZURE_AUTHORITY_HOST}/${env.ACSPASS_TENANT_ID}`;
  const knownAuthorities = [new URL(authority).host];
  const app = new PublicClientApplication({ auth: { clientId, authority, knownAuthorities } });
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const pkce = { codeChallenge: challenge, codeChallengeMethod: "S256" };
  const url = new URL(await app.getAuthCodeUrl({ scopes, redirectUri, loginHint, ...pkce }));
  const body = new URLSearchParams([...url.searchParams, ...Object.entries(answers)]);
  const page = await fetch(url.origin + url.pathname, { method: "POST", body, redirect: "manual" });
  const result = new URL(page.headers.get("location")).searchParams;
  if (result.has("error")) throw new Error(result.get("error_description"));
  const code = result.get("code");
  const tokens = await app.acquireTokenByCode({ code, scopes, redirectUri, codeVerifier: verifier });
  return { app, ...tokens };
}

/** Returns a Communication access token for the signed-in user. */
export async function exchange({ accessToken: teamsUserAadToken, uniqueId: userObjectId }) {
  return (await identity.getTokenForTeamsUser({ teamsUserAadToken, clientId, userObjectId })).token;
}

/** Requests a new Entra token, with the refresh token. */
export function refresh({ app, account }) {
  return app.acquireTokenSilent({ account, scopes, forceRefresh: true });
}

/** Calls the control API. */
export async function control(method, path, body) {
  const headers = { "X-Acspass-Emulator": "1", "Content-Type": "application/json" };
  const url = `${env.ACSPASS_EMULATOR_URL}/_emulator/v1/${path}`;
  const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(await response.text());
}

/** Returns whether the resource accepts a Communication access token. */
export async function isAccepted(token) {
  const headers = { Authorization: `Bearer ${token}` };
  return (await fetch(`${env.ACSPASS_EMULATOR_URL}/emulator/whoami`, { headers })).ok;
}
