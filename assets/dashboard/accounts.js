// Who is signed in, until when it is fresh, what happens next; signing in and out.

import {
  at, busy, button, confirmed, copy, countdown, inWords, make, noticeOf, render, timeOf, toast,
} from "./page.js";
import { get, post, remove } from "./service.js";

let refresh;
let pending = false;
/** Who was signed in when last looked. */
let present = null;
/** What the lists were last made of. */
let shown = {};

export function begin(hooks) {
  ({ refresh } = hooks);
  const more = at("sign-in-more");
  more.onclick = () => signIn(more);
  // A sign-in whose page is gone is waited for by nobody.
  addEventListener("pagehide", () => {
    if (pending) remove("/dashboard/sign-in", { keepalive: true }).catch(() => {});
  });
}

/** Shows this state. Nothing is touched where nothing changed, so that nobody loses the place. */
export function show({ accounts, signIn: waits, signInFailed: failed }) {
  pending = waits !== null;
  tellChanges(accounts.map((account) => account.username));
  const now = Date.now();
  deadlines.clear();
  for (const account of accounts) {
    const token = account.communicationToken;
    if (token) deadlines.set(account.homeAccountId, now + token.expiresInSeconds * 1000);
  }
  at("sign-in-more").hidden = accounts.length === 0 || pending;
  whereChanged("sign-in", [waits, failed], () => showSignIn(waits, failed));
  const stable = accounts.map(({ communicationToken, entraToken, next, ...rest }) => [
    rest, communicationToken?.expiresOn, communicationToken?.fresh,
    entraToken?.expiresOn, entraToken?.fresh, next.does, next.on,
  ]);
  whereChanged("accounts", [stable, pending], () => showAccounts(accounts));
  tick();
}

/** Says who came and who went, also to those who do not see it. */
function tellChanges(names) {
  if (present !== null) {
    for (const name of names) if (!present.includes(name)) toast(`${name} is signed in`);
    for (const name of present) if (!names.includes(name)) toast(`${name} is signed out`);
  }
  present = names;
}

function whereChanged(what, values, then) {
  const text = JSON.stringify(values);
  if (shown[what] !== text) then();
  shown[what] = text;
}

function showAccounts(accounts) {
  const active = accounts.filter((one) => one.active).map(activeOne);
  const list = [...active, ...accounts.filter((one) => !one.active).map(otherOne)];
  if (list.length === 0 && !pending) list.push(nobody());
  render(at("accounts"), ...list);
}

function nobody() {
  const start = button("Sign in", { key: "sign-in", className: "primary", onclick: () => signIn(start) });
  const picture = make("div", { className: "avatar", ariaHidden: "true" });
  picture.append(at("person").content.cloneNode(true));
  return make("div", { className: "empty" }, picture,
    make("h3", {}, "Nobody is signed in"),
    make("p", {}, "Sign in as a Teams user, and the apps on this computer have a fresh token whenever they ask."),
    start);
}

const who = (account, ...more) =>
  make("div", { className: "who" },
    make("div", { className: "avatar", ariaHidden: "true" }, initials(account.username)),
    make("div", {},
      make("div", { className: "name" },
        make("h3", {}, account.username),
        account.active ? make("span", { className: "badge" }, "Active") : null),
      make("p", {}, ...more)));

function initials(username) {
  const [first, second] = username.split("@")[0].split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  return ((first?.[0] ?? "?") + (second?.[0] ?? first?.[1] ?? "")).toUpperCase();
}

function activeOne(account) {
  const head = who(account, "Tenant ", make("span", { className: "mono" }, account.tenantId));
  const ring = make("div", { className: "ring" });
  ring.dataset.account = account.homeAccountId;
  ring.append(at("ring").content.cloneNode(true));
  ring.append(make("div", {}, make("b", {}), make("span", {})));
  const tokens = make("dl", { className: "tokens" },
    row("Communication token", until(account.communicationToken)),
    row("Entra token", until(account.entraToken)),
    row("Next", next(account)));
  return make("article", { className: "account", ariaLabel: account.username },
    head, make("div", { className: "active" }, ring, tokens), failureOf(account), buttons(account));
}

/** Why the service has no new token for this account, and what to do. */
const failureOf = ({ failure }) => (failure ? noticeOf(failure) : null);

function otherOne(account) {
  const token = account.communicationToken;
  const line = token?.fresh ? ["Fresh until ", timeOf(token.expiresOn)] : [next(account)];
  return make("article", { className: "other", ariaLabel: account.username }, who(account, ...line), failureOf(account), buttons(account));
}

const row = (name, value) => make("div", {}, make("dt", {}, name), make("dd", {}, ...[value].flat()));

function until(token) {
  if (!token) return "None yet";
  if (token.expiresInSeconds <= 0) return ["Expired at ", timeOf(token.expiresOn)];
  return [token.fresh ? "Fresh until " : "Short, until ", timeOf(token.expiresOn)];
}

function next({ next: { does, on } }) {
  switch (does) {
    case "renews": return ["Renewed by itself at ", timeOf(on)];
    case "exchanges": return "An app that asks has the Entra token exchanged";
    case "redeems": return "An app that asks has the session renewed";
    case "hands-out": return "An app that asks gets the kept token";
    default: return "Needs a sign-in";
  }
}

function buttons(account) {
  const name = account.username;
  const id = account.homeAccountId;
  const element = (text, key, className, work) => {
    const made = button(text, {
      key: `${key} ${id}`, className, unseen: `: ${name}`, onclick: () => busy(made, work),
    });
    return made;
  };
  const out = element("Sign out", "out", "quiet away", () => signOut(account));
  if (account.next.does === "sign-in") {
    const again = element("Sign in again", "again", "primary", () => startSignIn(name));
    return make("div", { className: "buttons" }, again, out);
  }
  if (!account.active) {
    const activate = element("Make active", "switch", "", () => makeActive(account));
    return make("div", { className: "buttons" }, activate, out);
  }
  return make("div", { className: "buttons" },
    element("Copy token", "copy", "primary", () => copyToken(account)),
    element("What it says", "claims", "", () => showClaims(account)),
    out);
}

async function makeActive({ homeAccountId, username }) {
  await post("/dashboard/switch", { account: homeAccountId });
  await refresh();
  document.querySelector(`article[aria-label="${CSS.escape(username)}"] button`)?.focus();
}

async function copyToken({ homeAccountId }) {
  const { token, expiresInSeconds } = await get(`/token?account=${encodeURIComponent(homeAccountId)}`);
  await copy(token, `Token copied, valid for another ${inWords(expiresInSeconds)}`);
  await refresh();
}

async function signOut({ homeAccountId, username }) {
  const sure = await confirmed({
    title: "Sign out?",
    text: `${username} is forgotten on this computer, for every program that uses acspass. To get tokens again, that user has to sign in anew.`,
    yes: "Sign out",
  });
  if (!sure) return;
  await post("/dashboard/sign-out", { account: homeAccountId });
  await refresh();
  // The button that had the focus is gone.
  at("main").focus();
}

async function showClaims({ homeAccountId, username }) {
  const { claims } = await get(`/dashboard/claims?account=${encodeURIComponent(homeAccountId)}`);
  at("claims-text").textContent =
    `The Communication token of ${username}, decoded by the service. Nothing was verified, and the token itself is not on this page.`;
  at("claims-rows").replaceChildren(...Object.entries(claims).map(claimRow));
  at("claims").showModal();
}

function claimRow([name, value]) {
  const cell = make("td", {}, typeof value === "string" ? value : JSON.stringify(value));
  if (["exp", "iat", "nbf", "auth_time"].includes(name) && Number.isInteger(value)) {
    cell.append(make("small", {}, new Date(value * 1000).toLocaleString()));
  }
  return make("tr", {}, make("th", { scope: "row" }, name), cell);
}

const signIn = (element) => busy(element, () => startSignIn(null));

async function startSignIn(account) {
  const { url } = await post("/dashboard/sign-in", { account });
  // Where this is blocked, the link on the page does the same.
  open(url, "_blank", "noopener,noreferrer");
  await refresh();
  at("sign-in").querySelector("a")?.focus();
}

function showSignIn(waits, failed) {
  const place = at("sign-in");
  if (waits) {
    const cancel = button("Cancel", {
      key: "cancel",
      className: "quiet",
      onclick: () => busy(cancel, async () => {
        await remove("/dashboard/sign-in");
        await refresh();
        at("main").focus();
      }),
    });
    const link = waits.url
      ? make("a", { className: "button", href: waits.url, target: "_blank", rel: "noopener noreferrer" },
        "Open the sign-in page", make("span", { className: "unseen" }, " in a new tab"))
      : null;
    if (link) link.dataset.key = "open";
    render(place, make("div", { className: "notice" },
      make("div", { className: "waits" }, make("div", {},
        make("p", {}, make("strong", {}, "Waiting for the sign-in in the other tab")),
        make("p", {}, "This page notices by itself. If no tab opened, open it here."))),
      make("div", { className: "buttons" }, link, cancel)));
  } else if (failed) {
    const dismiss = button("Dismiss", {
      key: "dismiss",
      className: "small",
      onclick: () => busy(dismiss, async () => {
        await remove("/dashboard/sign-in");
        await refresh();
        at("main").focus();
      }),
    });
    render(place, noticeOf(failed, make("div", { className: "buttons" }, dismiss)));
  } else {
    place.replaceChildren();
  }
}

/** When each account's token ends, by this computer's clock. */
const deadlines = new Map();
/** A ring is full for this long, and for longer where a token was seen with more. */
const FULL = 3600;
const lives = new Map();

/** Counts down. */
export function tick() {
  for (const ring of document.querySelectorAll(".ring")) {
    const id = ring.dataset.account;
    const end = deadlines.get(id);
    const left = end === undefined ? 0 : Math.max(0, (end - Date.now()) / 1000);
    const life = Math.max(FULL, lives.get(id) ?? 0, left);
    lives.set(id, life);
    const [large, small] = [ring.querySelector("b"), ring.querySelector("span")];
    const state = end === undefined ? "none" : left === 0 ? "gone" : left <= 600 ? "low" : "good";
    ring.dataset.state = state;
    ring.style.setProperty("--share", (100 * left) / life);
    const say = {
      none: ["No token", "not asked for yet"],
      gone: ["Expired", "renewed when asked"],
    }[state] ?? [countdown(left), "left"];
    if (large.textContent !== say[0]) large.textContent = say[0];
    if (small.textContent !== say[1]) small.textContent = say[1];
  }
}
