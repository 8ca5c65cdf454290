// Sign-ins at the emulator without a browser: the authorization code flow with PKCE.
"use strict";

const { createHash, randomBytes } = require("node:crypto");
const { EmulatorError, SignInRefusedError } = require("./errors.js");
const { postForm } = require("./request.js");

const REDIRECT_URI = "http://localhost";
const SCOPES = [
  "https://auth.msft.communication.azure.com/Teams.ManageCalls",
  "https://auth.msft.communication.azure.com/Teams.ManageChats",
];
/** The code that the emulator accepts as a second factor. */
const SECOND_FACTOR = "123456";

/** Signs a user in at the emulator. */
async function signIn(emulator, username, options = {}) {
  const { scopes = SCOPES, clientId = emulator.clientId, tenant = emulator.tenantId, ...answers } = options;
  const verifier = randomBytes(32).toString("base64url");
  const endpoint = `${emulator.url}/${tenant}/oauth2/v2.0`;
  const state = randomBytes(16).toString("base64url");
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: "code",
    redirect_uri: REDIRECT_URI,
    scope: [...scopes, "openid", "profile", "offline_access"].join(" "),
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    login_hint: username,
    state,
  });
  const result = await authorize(emulator, `${endpoint}/authorize?${query}`, answers);
  if (result.state !== state) throw new EmulatorError("the emulator returned another state");
  return redeem(endpoint, clientId, {
    grant_type: "authorization_code",
    code: result.code,
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier,
  });
}

/** Requests tokens with the refresh token of a sign-in. */
function refresh(emulator, user) {
  const endpoint = `${emulator.url}/${user.tenantId}/oauth2/v2.0`;
  const form = { grant_type: "refresh_token", refresh_token: user.refreshToken, scope: user.scopes.join(" ") };
  return redeem(endpoint, user.clientId, form);
}

/** Opens the authorization URL of a client as a browser does; returns the parameters of the redirect. */
async function authorize(emulator, url, { consent = "accept", code = SECOND_FACTOR } = {}) {
  const { pathname, searchParams } = new URL(url);
  const form = { ...Object.fromEntries(searchParams), emulator_consent: consent, emulator_code: code };
  const { status, headers, text } = await postForm(emulator.url + pathname, form);
  if (!headers.location) {
    const description = /AADSTS\d+[^<]*/.exec(text)?.[0].trim() ?? `the page has the status ${status}`;
    throw new SignInRefusedError("no_redirect", description);
  }
  const result = Object.fromEntries(new URL(headers.location).searchParams);
  if (result.error) throw new SignInRefusedError(result.error, result.error_description);
  return result;
}

async function redeem(endpoint, clientId, grant) {
  const { status, text } = await postForm(`${endpoint}/token`, { client_id: clientId, ...grant });
  const body = parsed(text);
  if (status !== 200) throw new SignInRefusedError(body.error ?? `status ${status}`, body.error_description ?? "");
  const claims = JSON.parse(Buffer.from(body.id_token.split(".")[1], "base64url").toString());
  return {
    username: claims.preferred_username,
    objectId: claims.oid,
    tenantId: claims.tid,
    clientId,
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
    idToken: body.id_token,
    scopes: body.scope.split(" "),
    expiresIn: body.expires_in,
  };
}

/** Returns an object even if a fault broke the JSON. */
function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

module.exports = { authorize, refresh, signIn };
