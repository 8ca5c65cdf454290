// A credential that lives as long as the app does. Run it with the service's address and secret:
//
//   acspass exec -- node node.mjs
//
// It says when its token is another one, and shows none.

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { tokenRefresher } from "./acspass.mjs";

const refresh = tokenRefresher();
const credential = new AzureCommunicationTokenCredential({
  tokenRefresher: refresh,
  refreshProactively: true,
  // So that a missing sign-in is an error of this line, and not of a timer in the SDK.
  token: await refresh(),
});

// new CallAgent, new ChatClient and all others take `credential`.
let shown;
for (;;) {
  const { token, expiresOnTimestamp } = await credential.getToken();
  if (token !== shown) console.log(`a token until ${new Date(expiresOnTimestamp).toISOString()}`);
  shown = token;
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
