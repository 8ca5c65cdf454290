// A credential that lives as long as the app does. Run it with a token service of its own:
//
//   acspass exec --server -- node node.mjs
//
// It prints the expiry of each new token, and no token. (An ES module: `await` at the top level.)

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { tokenRefresher } from "./acspass.mjs";

const refresh = tokenRefresher();
const credential = new AzureCommunicationTokenCredential({
  tokenRefresher: refresh,
  refreshProactively: true,
  // So that a missing sign-in is an error of this line, and not of a timer in the SDK.
  token: await refresh(),
});

// A server gives `token` to its page, where the calling SDK runs: see server.mjs.
let shown;
for (;;) {
  const { token, expiresOnTimestamp } = await credential.getToken();
  if (token !== shown) console.log(`a token until ${new Date(expiresOnTimestamp).toISOString()}`);
  shown = token;
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
