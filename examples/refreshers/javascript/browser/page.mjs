// The SDK's credential in a page. The user approves the page on the service's dashboard, or pastes the
// service's secret. The page's key and the secret are in this page's memory only, and are sent to the
// service only.

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { requestApproval, tokenRefresher } from "../acspass.mjs";

const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
const tokens = document.querySelector("ol");
const say = (error) => {
  status.textContent = error.message;
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { url, secret, way } = Object.fromEntries(new FormData(form, event.submitter));
  try {
    const access = way === "ask"
      ? await requestApproval({ url, onCode: showCode })
      : { secret: async () => secret };
    const refresh = tokenRefresher({ url, ...access, onTrouble: say });
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

function showCode(code) {
  form.hidden = true;
  status.textContent = `Approve this page on the dashboard (acspass serve --open), if it shows the code ${code}.`;
}

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
