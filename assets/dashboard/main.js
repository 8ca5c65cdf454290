// The page: asks for the state again and again, and hands it to its parts.

import * as accounts from "./accounts.js";
import * as identities from "./identities.js";
import { at, complain, copy, inWords, make, noticeOf, timeOf } from "./page.js";
import { Over, enter, get } from "./service.js";

const OFTEN = 2000;
/** How many questions in a row went without an answer. */
let failures = 0;
let timer;
let events = "";

async function refresh() {
  clearTimeout(timer);
  try {
    show(await get("/dashboard/state"));
    failures = 0;
    connected("connected", "Running");
  } catch (error) {
    failures += 1;
    if (error instanceof Over) return end(error);
    connected("lost", "No answer");
    if (failures === 2) complain(error);
  }
  timer = setTimeout(refresh, OFTEN * Math.min(8, 1 + failures));
}

function end(error) {
  connected("lost", "Closed");
  at("alerts").replaceChildren(noticeOf(error));
  at("main").ariaBusy = "false";
}

function connected(state, text) {
  at("connection").className = `connection ${state}`;
  if (at("connection-text").textContent !== text) at("connection-text").textContent = text;
}

function show(state) {
  if (failures > 1) at("alerts").replaceChildren();
  at("profile").textContent = state.profile;
  at("store").textContent = state.store;
  at("version").textContent = state.version;
  at("min-validity").textContent = inWords(state.service.minValiditySeconds);
  accounts.show(state);
  identities.show(state);
  showUse(state.service);
  showEvents(state.events);
  at("main").ariaBusy = "false";
}

function showUse({ url, secretFile, socket }) {
  const set = (id, text) => {
    if (at(id).textContent !== text) at(id).textContent = text;
  };
  set("use-url", `${url}/token`);
  set("use-secret", secretFile);
  set("use-curl", curl(url, secretFile, socket));
  set("use-javascript", socket ? throughSocket(secretFile, socket) : overTcp(url, secretFile));
}

// The secret is on no command line, where other users of this computer could read it; and at the
// socket no other user can listen, as at the port once the service has ended.
function curl(url, secretFile, socket) {
  const quoted = (path) => `'${path.replaceAll("'", "'\\''")}'`;
  const target = socket ? `--unix-socket ${quoted(socket)} http://localhost/token` : `${url}/token`;
  return `printf 'Authorization: Bearer %s' "$(cat ${quoted(secretFile)})" |\n  curl -H @- ${target}`;
}

const credential = `const credential = new AzureCommunicationTokenCredential({
  tokenRefresher,
  refreshProactively: true,
  // A missing sign-in is then an error of this line, not of a timer in the SDK.
  token: await tokenRefresher(),
});`;

const throughSocket = (secretFile, socket) => `import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { json } from "node:stream/consumers";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";

const tokenRefresher = async (signal) => {
  const secret = await readFile(${JSON.stringify(secretFile)}, "utf8");
  const headers = { host: "localhost", authorization: \`Bearer \${secret}\` };
  const options = { socketPath: ${JSON.stringify(socket)}, path: "/token", headers, signal };
  const answer = await new Promise((resolve, reject) => {
    request(options, resolve).on("error", reject).end();
  });
  const { token, error } = await json(answer);
  if (error) throw new Error(\`\${error.message}: \${error.hint}\`);
  return token;
};
${credential}`;

// Over TCP the service has to prove itself first: the refresher of the repository does that.
const overTcp = (url, secretFile) => `import { readFile } from "node:fs/promises";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";
// Copied from examples/refreshers/javascript in acspass's repository:
import { tokenRefresher as refresher } from "./acspass.mjs";

const tokenRefresher = refresher({
  url: ${JSON.stringify(url)},
  secret: () => readFile(${JSON.stringify(secretFile)}, "utf8"),
});
${credential}`;

function showEvents(list) {
  const text = JSON.stringify(list);
  if (text === events) return;
  events = text;
  const rows = list.map(({ at: time, tone, text: what, times }) =>
    make("li", {},
      make("span", { className: `dot ${tone}` }),
      timeOf(time),
      make("span", {}, what, times > 1 ? ` (${times} times)` : "")));
  at("events").replaceChildren(...(rows.length > 0 ? rows : [make("li", { className: "nothing" }, "Nothing has happened yet.")]));
}

for (const element of document.querySelectorAll("[data-copies]")) {
  element.onclick = () =>
    copy(at(element.dataset.copies).textContent, `Copied ${element.dataset.what}`).catch(complain);
}
accounts.begin({ refresh });
identities.begin({ refresh });
setInterval(accounts.tick, 1000);
addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
try {
  await enter();
  await refresh();
} catch (error) {
  if (error instanceof Over) end(error);
  else {
    complain(error);
    await refresh();
  }
}
