// Examples of requests to the service, for each language.

import { at } from "./page.js";

/** The name, the label of the example, and its text for the service. */
const LANGUAGES = [
  ["curl", "A request with curl", curl],
  ["JavaScript", "A token refresher in JavaScript and TypeScript", javascript],
  ["Python", "A credential in Python", python],
  ["C#", "A credential in C#", csharp],
  ["Shell", "Commands for the shell", shell],
];
let selected = 0;
let service;

export function begin() {
  const tabs = LANGUAGES.map(([name], index) => {
    const tab = document.createElement("button");
    Object.assign(tab, { type: "button", id: `tab-${index}`, textContent: name });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "use-panel");
    tab.onclick = () => select(index);
    return tab;
  });
  at("use-tabs").replaceChildren(...tabs);
  at("use-tabs").onkeydown = (event) => {
    const last = LANGUAGES.length - 1;
    const next = {
      ArrowLeft: selected === 0 ? last : selected - 1,
      ArrowRight: selected === last ? 0 : selected + 1,
      Home: 0,
      End: last,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    select(next);
    at(`tab-${next}`).focus();
  };
  select(0);
}

/** Shows the addresses of this service. */
export function show(state) {
  service = { ...state.service, profile: state.profile };
  set("use-url", `${service.url}/token`);
  set("use-secret", service.secretFile);
  draw();
}

function select(index) {
  selected = index;
  for (const [place, tab] of [...at("use-tabs").children].entries()) {
    tab.ariaSelected = place === index ? "true" : "false";
    tab.tabIndex = place === index ? 0 : -1;
  }
  draw();
}

function draw() {
  const [, label, text] = LANGUAGES[selected];
  at("use-panel").setAttribute("aria-labelledby", `tab-${selected}`);
  at("use-code").parentElement.ariaLabel = label;
  at("use-code").classList.toggle("wraps", text === curl);
  if (service) set("use-code", text(service));
}

function set(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
/** A string literal of JavaScript, Python and C#. */
const literal = JSON.stringify;

// Other users of this machine can read command lines, so that none contains the secret. No other user
// can listen at the socket; at the port another program may listen after the service has stopped.
function curl({ url, secretFile, socket }) {
  const target = socket ? `--unix-socket ${quoted(socket)} http://localhost/token` : `${url}/token`;
  return `printf 'Authorization: Bearer %s' "$(cat ${quoted(secretFile)})" |\n  curl -H @- ${target}`;
}

const credential = `const credential = new AzureCommunicationTokenCredential({
  tokenRefresher,
  refreshProactively: true,
  // Throws here if a sign-in is needed, not in a timer of the SDK.
  token: await tokenRefresher(),
});`;

function javascript({ url, secretFile, socket }) {
  // Over TCP the service has to prove itself first, as the refresher of the repository requires.
  return socket ? `import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";

const tokenRefresher = async () => {
  const secret = await readFile(${literal(secretFile)}, "utf8");
  const call = request({
    socketPath: ${literal(socket)},
    path: "/token?min-validity=15m",
    headers: { host: "localhost", authorization: \`Bearer \${secret}\` },
  });
  call.end();
  const [response] = await once(call, "response");
  const { token, error } = JSON.parse(await text(response));
  if (error) throw new Error(\`\${error.message}: \${error.hint}\`);
  return token;
};
${credential}` : `import { readFile } from "node:fs/promises";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";
// Copied from examples/refreshers/javascript in acspass's repository:
import { tokenRefresher as refresher } from "./acspass.mjs";

const tokenRefresher = refresher({
  url: ${literal(url)},
  secret: () => readFile(${literal(secretFile)}, "utf8"),
});
${credential}`;
}

function python({ url, secretFile }) {
  return `from azure.communication.chat import CommunicationTokenCredential
# Copied from examples/refreshers/python in acspass's repository:
from acspass_tokens import TokenRefresher

refresher = TokenRefresher(
    url=${literal(url)},
    secret_file=${literal(secretFile)},
)
# The first token: raises SignInNeeded if a sign-in is needed.
token = refresher().token
credential = CommunicationTokenCredential(
    token, token_refresher=refresher, proactive_refresh=True
)`;
}

function csharp({ url, secretFile }) {
  return `using Azure.Communication;

// AcspassTokens.cs is copied from examples/refreshers/csharp in acspass's repository.
using var tokens = new AcspassTokens(
    url: ${literal(url)},
    secretFile: ${literal(secretFile)});
var options = new CommunicationTokenRefreshOptions(refreshProactively: true, tokens.Get)
{
    AsyncTokenRefresher = tokens.GetAsync,
    // Throws SignInNeededException if a sign-in is needed.
    InitialToken = await tokens.GetAsync(CancellationToken.None),
};
using var credential = new CommunicationTokenCredential(options);`;
}

function shell({ profile }) {
  const acspass = profile === "default" ? "acspass" : `acspass --profile ${quoted(profile)}`;
  return `# Run a program with the token in AZURE_COMMUNICATION_ACCESS_TOKEN:
${acspass} exec -- node app.mjs

# Or set the variable in this shell:
export AZURE_COMMUNICATION_ACCESS_TOKEN="$(${acspass} get)"`;
}
