// The job of a stale `acspass get` with msal and the ACS SDK, as a whole process: redeems the refresh
// token, exchanges, prints the token.
//
//     stale_get.mjs CACHE             the cache is the one that sign_in.mjs wrote

import { CommunicationIdentityClient } from "@azure/communication-identity";
import { app, clientId, load, save, scopes } from "./entra.mjs";

const [file] = process.argv.slice(2);
load(file);
const [account] = await app.getTokenCache().getAllAccounts();
const user = await app.acquireTokenSilent({ account, scopes, forceRefresh: true });
const identity = new CommunicationIdentityClient(
  process.env.COMMUNICATION_SERVICES_CONNECTION_STRING,
);
const { token } = await identity.getTokenForTeamsUser({
  teamsUserAadToken: user.accessToken,
  clientId,
  userObjectId: user.uniqueId,
});
console.log(token);
save(file);
