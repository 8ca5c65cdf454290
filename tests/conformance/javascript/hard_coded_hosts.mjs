// A program with hard-coded hosts, as it would be written for the real services.

import { CommunicationIdentityClient } from "@azure/communication-identity";
import { ClientSecretCredential } from "@azure/identity";
import { ConfidentialClientApplication } from "@azure/msal-node";

const tenant = "ac5ba55e-7e4a-4000-8000-000000000001";
const clientId = "ac5ba55e-0c11-4000-8000-0000000000b1";
const clientSecret = "worthless-emulator-client-secret-known-to-everyone";

const credential = new ClientSecretCredential(tenant, clientId, clientSecret);
const client = new CommunicationIdentityClient("https://x.communication.azure.com", credential);
const user = await client.createUser();
await client.getToken(user, ["chat", "voip"]);
console.log(user.communicationUserId);
for (const host of ["login.microsoftonline.com", "login.windows.net", "sts.windows.net"]) {
  const authority = `https://${host}/${tenant}`;
  const application = new ConfidentialClientApplication({
    auth: { clientId, authority, clientSecret },
  });
  const result = await application.acquireTokenByClientCredential({
    scopes: ["https://communication.azure.com/.default"],
  });
  console.log(host, result.tokenType);
}
