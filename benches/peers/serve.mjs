// The job of `acspass serve` in Express, as a team would write it: a credential of the SDK holds the token
// and renews it, and each request with the secret gets it.
//
//     SECRET=... serve.mjs CACHE             the cache is the one that sign_in.mjs wrote

import { timingSafeEqual } from "node:crypto";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import express from "express";
import { app as entra, clientId, load, scopes } from "./entra.mjs";

load(process.argv[2]);
const [account] = await entra.getTokenCache().getAllAccounts();
const { username, homeAccountId, tenantId } = account;
const identity = new CommunicationIdentityClient(
  process.env.COMMUNICATION_SERVICES_CONNECTION_STRING,
);
const credential = new AzureCommunicationTokenCredential({
  refreshProactively: true,
  tokenRefresher: async () => {
    const user = await entra.acquireTokenSilent({ account, scopes });
    const { token } = await identity.getTokenForTeamsUser({
      teamsUserAadToken: user.accessToken,
      clientId,
      userObjectId: user.uniqueId,
    });
    return token;
  },
});
const secret = Buffer.from(`Bearer ${process.env.SECRET}`);

const app = express();
app.get("/token", async (request, response) => {
  const sent = Buffer.from(request.get("authorization") ?? "");
  if (sent.length !== secret.length || !timingSafeEqual(sent, secret)) {
    response.status(401).json({ error: "unauthorized" });
    return;
  }
  const { token, expiresOnTimestamp } = await credential.getToken();
  response.set("cache-control", "no-store").json({
    token,
    expiresOn: new Date(expiresOnTimestamp).toISOString(),
    expiresInSeconds: Math.floor((expiresOnTimestamp - Date.now()) / 1000),
    account: { username, homeAccountId, tenantId },
  });
});
const server = app.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
