// msal for Node with a cache in a file, as the peers of stale_get.sh, sign_in.sh and serve_express.sh use it.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { PublicClientApplication } from "@azure/msal-node";

const { env } = process;
const authority = `${env.AZURE_AUTHORITY_HOST}/${env.ACSPASS_TENANT_ID}`;
const knownAuthorities = [new URL(authority).host];

export const clientId = env.ACSPASS_CLIENT_ID;
export const scopes = ["https://auth.msft.communication.azure.com/Teams.ManageCalls"];
export const app = new PublicClientApplication({ auth: { clientId, authority, knownAuthorities } });

export function load(file) {
  if (existsSync(file)) app.getTokenCache().deserialize(readFileSync(file, "utf8"));
}

export function save(file) {
  writeFileSync(file, app.getTokenCache().serialize(), { mode: 0o600 });
}
