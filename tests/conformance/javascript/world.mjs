// The emulator under test as a client sees it, and what the suites need beside the SDKs.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createSign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { PublicClientApplication } from "@azure/msal-node";

const run = promisify(execFile);
const { env } = process;

export const emulator = JSON.parse(readFileSync(env.CONFORMANCE_EMULATOR, "utf8"));
export const key = emulator.connectionString.split("accesskey=")[1];
export const otherGuid = "11111111-2222-4333-8444-555555555555";
// The emulator's published inhabitants that it does not print.
export const serviceApp = "ac5ba55e-0c11-4000-8000-0000000000b1";
export const serviceSecret = "worthless-emulator-client-secret-known-to-everyone";
export const appWithoutRole = "ac5ba55e-0c11-4000-8000-0000000000b2";
export const secretWithoutRole = "worthless-emulator-client-secret-without-any-role";
export const unlicensed = {
  username: "cleo@contoso.example",
  objectId: "ac5ba55e-05e4-4000-8000-000000000003",
};
export const foreignIdentity =
  "8:acs:ac5ba55e-0ac5-4000-8000-0000000000e2_00000007-0464-274b-b274-5a3a0d000101";

export const teamsScopes = [
  "https://auth.msft.communication.azure.com/Teams.ManageCalls",
  "https://auth.msft.communication.azure.com/Teams.ManageChats",
];
export const clientsScopes = ["https://communication.azure.com/clients/.default"];
export const extensionScopes = [
  "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls",
];

export const claims = (token) =>
  JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());

/** Whether the resource still takes a Communication token. */
export async function isHonoured(token, by = emulator) {
  const answer = await fetch(`${by.httpUrl}/emulator/whoami`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return answer.status === 200;
}

/** The token with other claims, signed with the emulator's published key. */
export function resigned(token, changes) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const pem = readFileSync(join(env.CONFORMANCE_ROOT, "assets/emulator/worthless-test-key.pem"));
  const signed = `${token.split(".")[0]}.${encode({ ...claims(token), ...changes })}`;
  const signature = createSign("sha256").update(signed).sign(pem).toString("base64url");
  return `${signed}.${signature}`;
}

/** The token as it would be an hour after its end. */
export function expired(token) {
  const exp = Math.floor(Date.now() / 1000) - 3600;
  return resigned(token, { iat: exp - 4500, nbf: exp - 4500, exp });
}

/** A public client as the quickstarts make it; the emulator's host needs no look-up elsewhere. */
export const anApp = (tenant = emulator.tenantId) =>
  new PublicClientApplication({
    auth: {
      clientId: emulator.clientId,
      authority: `${emulator.url}/${tenant}`,
      knownAuthorities: [new URL(emulator.url).host],
    },
  });

/** Signs in as a person would, in the browser; without a name, by a click on the page. */
export async function signIn(app, { scopes = teamsScopes, user = "" } = {}) {
  let walk;
  const openBrowser = async (url) => {
    walk = run(env.CONFORMANCE_PYTHON, [join(env.CONFORMANCE_ROOT, "tests/conformance/python/browser.py"), url], {
      env: { ...env, CONFORMANCE_USER: user },
    });
    walk.catch(() => {});
  };
  const result = await app.acquireTokenInteractive({ scopes, openBrowser });
  await walk;
  return result;
}

/** An Entra token of a user. */
export const entraToken = async (options) => (await signIn(anApp(), options)).accessToken;

/** What Azure SDKs call a TokenCredential, made of MSAL and a signed-in user. */
export async function credentialOf(user) {
  const app = anApp();
  const { account } = await signIn(app, { user });
  return {
    async getToken(scopes, { forceRefresh } = {}) {
      const result = await app.acquireTokenSilent({ account, scopes: [scopes].flat(), forceRefresh });
      return { token: result.accessToken, expiresOnTimestamp: result.expiresOn.getTime() };
    },
  };
}

/** Runs acspass against the emulator, in a home of its own; returns what it prints. */
export async function acspass(args) {
  const home = mkdtempSync(join(env.CONFORMANCE_OUT, "home-"));
  try {
    const { stdout } = await run(env.CONFORMANCE_ACSPASS, args, {
      env: {
        PATH: env.PATH,
        HOME: home,
        ACSPASS_CONFIG_DIR: home,
        ACSPASS_STATE_DIR: home,
        ACSPASS_STORE: "memory",
        ACSPASS_CA_FILE: emulator.caFile,
        ACSPASS_TENANT_ID: emulator.tenantId,
        ACSPASS_CLIENT_ID: emulator.clientId,
        AZURE_AUTHORITY_HOST: emulator.url,
        COMMUNICATION_SERVICES_CONNECTION_STRING: emulator.connectionString,
        BROWSER: `${env.CONFORMANCE_PYTHON} ${join(env.CONFORMANCE_ROOT, "tests/conformance/python/browser.py")}`,
        // The browser's own.
        SSL_CERT_FILE: emulator.caFile,
      },
    });
    return stdout.trim();
  } finally {
    rmSync(home, { recursive: true });
  }
}

/** Asserts that a call ends with the service's own status, code and target. */
export async function refused(call, statusCode, code, target) {
  await assert.rejects(call, (error) => {
    const details = error.details?.error ?? {};
    assert.deepEqual(
      { status: error.statusCode, code: error.code, target: details.target },
      { status: statusCode, code, target },
      error.message,
    );
    return true;
  });
}
