// A credential that lives as long as the app does. Run it with the service's address and secret:
//
//   acspass exec -- node node.mjs
//
// It says when its token is another one, and shows none.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { tokenRefresher } from "./acspass.mjs";

const { ACSPASS_SERVE_URL: url, ACSPASS_SERVE_SECRET_FILE: secretFile } = process.env;
if (!url || !secretFile) {
  console.error("Start `acspass serve`, then run `acspass exec -- node node.mjs`.");
  process.exit(2);
}

const refresh = tokenRefresher({
  url,
  secret: () => readFile(secretFile, "utf8"),
  socket: join(dirname(secretFile), "socket"),
});
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
