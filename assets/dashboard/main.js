// The page: requests the state regularly, and passes it to the modules.

import * as accounts from "./accounts.js";
import * as assignments from "./assignments.js";
import * as identities from "./identities.js";
import * as origins from "./origins.js";
import { at, complain, copy, freeze, inWords, make, noticeOf, timeOf, words } from "./page.js";
import { Over, enter, get } from "./service.js";
import * as snippets from "./snippets.js";

const OFTEN = 2000;
/** The requests in a row without a response. */
let failures = 0;
let timer;
let events = "";

async function refresh() {
  clearTimeout(timer);
  try {
    const state = await get("/dashboard/state");
    if (failures > 1) {
      freeze(false);
      at("alerts").replaceChildren();
    }
    failures = 0;
    show(state);
    connected("connected", "Running");
  } catch (error) {
    failures += 1;
    if (error instanceof Over) return end(error);
    connected("lost", failures > 1 && error.status === 0 ? "Stopped" : "No answer");
    if (failures === 2) {
      freeze(true);
      at("alerts").replaceChildren(noticeOf(error));
    }
  }
  timer = setTimeout(refresh, failures === 1 ? OFTEN / 2 : OFTEN * Math.min(8, 1 + failures));
}

function end(error) {
  connected("lost", "Closed");
  freeze(true);
  at("alerts").replaceChildren(noticeOf(error));
  at("main").ariaBusy = "false";
}

function connected(state, text) {
  at("connection").className = `connection ${state}`;
  if (at("connection-text").textContent !== text) at("connection-text").textContent = text;
}

function show(state) {
  at("profile").textContent = state.profile;
  at("store").textContent = state.store;
  at("version").textContent = state.version;
  at("min-validity").textContent = inWords(state.service.minValiditySeconds);
  accounts.show(state);
  identities.show(state);
  assignments.show(state);
  origins.show(state);
  snippets.show(state);
  showEvents(state.events);
  at("main").ariaBusy = "false";
}

function showEvents(list) {
  const text = JSON.stringify(list);
  if (text === events) return;
  events = text;
  const rows = list.map(({ at: time, tone, text: what, times }) =>
    make("li", {},
      make("span", { className: `dot ${tone}` }),
      timeOf(time),
      make("span", {}, ...words(what), times > 1 ? ` (${times} times)` : "")));
  at("events").replaceChildren(...(rows.length > 0 ? rows : [make("li", { className: "nothing" }, "No events yet.")]));
}

for (const element of document.querySelectorAll("[data-copies]")) {
  element.onclick = () =>
    copy(at(element.dataset.copies).textContent, `Copied ${element.dataset.what}`).catch(complain);
}
accounts.begin({ refresh });
identities.begin({ refresh });
assignments.begin({ refresh });
origins.begin({ refresh });
snippets.begin();
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
