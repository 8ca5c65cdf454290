// Makes the calls that it is given on standard input, one after the other, each at its date: the
// JavaScript SDK's side of the wire comparison.

import { text } from "node:stream/consumers";
import { mock } from "node:test";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { CommunicationIdentityClient } from "@azure/communication-identity";

const { endpoint, key, calls } = JSON.parse(await text(process.stdin));
const client = new CommunicationIdentityClient(`endpoint=${endpoint}/;accesskey=${key}`);
const fixed = (token) => ({
  getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
});

const operations = {
  create: () => client.createUser(),
  createWithToken: ({ scopes, minutes }) =>
    client.createUserAndToken(scopes, { tokenExpiresInMinutes: minutes }),
  issue: ({ user, scopes, minutes }) =>
    client.getToken({ communicationUserId: user }, scopes, { tokenExpiresInMinutes: minutes }),
  revoke: ({ user }) => client.revokeTokens({ communicationUserId: user }),
  delete: ({ user }) => client.deleteUser({ communicationUserId: user }),
  exchange: ({ token, appId, userId }) =>
    client.getTokenForTeamsUser({ teamsUserAadToken: token, clientId: appId, userObjectId: userId }),
  createByEntra: ({ token }) => new CommunicationIdentityClient(endpoint, fixed(token)).createUser(),
  direct: async ({ token, scopes }) => {
    const credential = new AzureCommunicationTokenCredential({
      resourceEndpoint: endpoint,
      tokenCredential: fixed(token),
      scopes,
    });
    await credential.getToken();
    credential.dispose();
  },
};

for (const { name, date, ...parameters } of calls) {
  mock.timers.enable({ apis: ["Date"], now: Date.parse(date) });
  await operations[name](parameters);
  mock.timers.reset();
}
