// The SDK's credential in a page. The service's secret is pasted once, lives in this page's memory
// and goes nowhere but to the service.

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { tokenRefresher } from "../acspass.mjs";

const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
const tokens = document.querySelector("ol");
const say = (error) => {
  status.textContent = error.message;
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { url, secret } = Object.fromEntries(new FormData(form));
  const refresh = tokenRefresher({ url, secret: async () => secret, onTrouble: say });
  try {
    const token = await refresh();
    form.reset();
    form.hidden = true;
    const credential = new AzureCommunicationTokenCredential({
      tokenRefresher: refresh,
      refreshProactively: true,
      token,
    });
    await show(credential);
  } catch (error) {
    say(error);
  }
});

/** Says when the credential's token is another one; the token itself is no page's business. */
async function show(credential) {
  status.textContent = "The credential has a token.";
  let shown;
  for (;;) {
    const { token, expiresOnTimestamp } = await credential.getToken();
    if (token !== shown) {
      const line = document.createElement("li");
      line.textContent = `until ${new Date(expiresOnTimestamp).toISOString()}`;
      tokens.append(line);
    }
    shown = token;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
