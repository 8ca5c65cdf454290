// An app under `acspass exec --managed-identity`: it uses the credentials of the Azure SDKs as they are,
// and prints what it got in one line of JSON, without a token.
//
//   node managed_identity.mjs tokens SCOPE          each credential's token, and two refusals
//   node managed_identity.mjs exchange ENDPOINT     the first four tokens of the Entra credential

import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { DefaultAzureCredential, ManagedIdentityCredential } from "@azure/identity";

const [mode, argument] = process.argv.slice(2);
const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());

async function tokens(scope) {
  const got = {};
  for (const Credential of [DefaultAzureCredential, ManagedIdentityCredential]) {
    const { token, expiresOnTimestamp } = await new Credential().getToken(scope);
    const { aud, oid, exp } = claims(token);
    got[Credential.name] = { aud, oid, exp, expiresOn: expiresOnTimestamp / 1000 };
  }
  const message = (credential, scope) => credential.getToken(scope).then(
    () => "a token",
    (error) => error.message,
  );
  const otherResource = "https://graph.microsoft.com/.default";
  got.otherResource = await message(new ManagedIdentityCredential(), otherResource);
  const otherIdentity = new ManagedIdentityCredential({ clientId: "ac5ba55e-0c11-4000-8000-0000000000b1" });
  got.otherIdentity = await message(otherIdentity, scope);
  return got;
}

async function exchange(resourceEndpoint) {
  const credential = new AzureCommunicationTokenCredential({
    resourceEndpoint,
    tokenCredential: new ManagedIdentityCredential(),
  });
  const seen = new Map();
  while (seen.size < 4) {
    const { token, expiresOnTimestamp } = await credential.getToken();
    if (expiresOnTimestamp < Date.now()) throw new Error("an expired token");
    const headers = { authorization: `Bearer ${token}` };
    const whoami = await fetch(new URL("/emulator/whoami", resourceEndpoint), { headers });
    if (whoami.status !== 200) throw new Error(`a token that is refused: ${whoami.status}`);
    seen.set(token, expiresOnTimestamp / 1000);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  credential.dispose();
  return { ends: [...seen.values()] };
}

console.log(JSON.stringify(await { tokens, exchange }[mode](argument)));
