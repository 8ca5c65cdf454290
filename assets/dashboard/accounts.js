// The accounts, their tokens and the next action for each; signing in and out.

import {
  at, busy, button, confirmed, copy, countdown, inWords, make, noticeOf, render, tickTimes, timeLeft,
  timeOf, toast,
} from "./page.js";
import { get, post, remove } from "./service.js";

let refresh;
let pending = false;
/** The names of the accounts in the last state. */
let present = null;
/** The values that the lists were made of. */
let shown = {};
let latest = [];
/** The scopes of the Entra token, for a token that names none. */
let entraScopes = [];
/** The error of the last action of each account's card. */
const errors = new Map();

export function begin(hooks) {
  ({ refresh } = hooks);
  const more = at("sign-in-more");
  more.onclick = () => signIn(more);
  // A sign-in ends with the page that began it.
  addEventListener("pagehide", () => {
    if (pending) remove("/dashboard/sign-in", { keepalive: true }).catch(() => {});
  });
}

/** Shows this state. Unchanged parts stay, so that the focus and the selection stay. */
export function show({ accounts, signIn: waits, signInFailed: failed, service }) {
  pending = waits !== null;
  latest = accounts;
  entraScopes = service.scopes.map((scope) => scope.split("/").pop());
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

/** Announces sign-ins and sign-outs. */
function tellChanges(names) {
  if (present !== null) {
    for (const name of names) if (!present.includes(name)) toast(`Signed in ${name}`);
    for (const name of present) if (!names.includes(name)) toast(`Signed out ${name}`);
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
  if (list.length === 0 && !pending) list.push(noAccount());
  if (list.length > 0 && accounts.length > 0 && active.length === 0) list.unshift(noActive());
  render(at("accounts"), ...list);
}

const noActive = () =>
  make("div", { className: "notice warn" },
    make("p", {}, make("strong", {}, "No account is active: apps get 401 now.")),
    make("p", {}, "Make an account active, or let the app name one with ", make("code", {}, "?account=USER"), "."));

function noAccount() {
  const start = button("Sign in", { key: "sign-in", className: "primary", onclick: () => signIn(start) });
  const picture = make("div", { className: "avatar", ariaHidden: "true" });
  picture.append(at("person").content.cloneNode(true));
  return make("div", { className: "empty" }, picture,
    make("h3", {}, "No account is signed in"),
    make("p", {}, "Apps get 401 now. Sign in as a Teams user to give the apps on this machine access tokens."),
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
  if (account.failure) ring.dataset.failed = "";
  ring.append(at("ring").content.cloneNode(true));
  ring.append(make("div", {}, make("b", {}), make("span", {})));
  const tokens = make("dl", { className: "tokens" },
    row("Communication access token", until(account.communicationToken)),
    row("Scopes", (account.scopes ?? entraScopes).join(", ")),
    row("Entra token", until(account.entraToken)),
    row("Next", next(account)));
  return make("article", { className: "account", ariaLabel: account.username },
    head, make("div", { className: "active" }, ring, tokens), failureOf(account), buttons(account));
}

/** The error of the card's last action, or why the service has no new token for this account. */
function failureOf({ homeAccountId: id, failure }) {
  const error = errors.get(id);
  if (!error) return failure ? noticeOf(failure) : null;
  const dismiss = button("Dismiss", {
    key: `dismiss ${id}`,
    className: "small",
    onclick: () => {
      forget(id);
      showAccounts(latest);
      tick();
    },
  });
  return noticeOf(error, make("div", { className: "buttons" }, dismiss));
}

function forget(id) {
  errors.delete(id);
}

function otherOne(account) {
  const token = account.communicationToken;
  const line = token?.fresh ? ["Expires ", timeLeft(token.expiresOn)] : [next(account)].flat();
  return make("article", { className: "other", ariaLabel: account.username }, who(account, ...line), failureOf(account), buttons(account));
}

const row = (name, value) => make("div", {}, make("dt", {}, name), make("dd", {}, ...[value].flat()));

function until(token) {
  if (!token) return "None";
  if (token.expiresInSeconds <= 0) return ["Expired ", timeOf(token.expiresOn)];
  return ["Expires ", timeLeft(token.expiresOn), token.fresh ? "" : " (not fresh)"];
}

function next({ next: { does, on }, failure }) {
  if (failure && does !== "sign-in" && does !== "renews") return "The next request tries again";
  switch (does) {
    case "renews": return ["Refreshed automatically at ", timeOf(on)];
    case "exchanges": return "Token is issued on the next request";
    case "redeems": return "Session is refreshed on the next request";
    case "hands-out": return "Cached token is returned on the next request";
    default: return "Sign-in needed";
  }
}

function buttons(account) {
  const name = account.username;
  const id = account.homeAccountId;
  const element = (text, key, className, work) => {
    const made = button(text, {
      key: `${key} ${id}`,
      className,
      unseen: `: ${name}`,
      onclick: () => {
        forget(id);
        return busy(made, work, (error) => {
          errors.set(id, error);
          showAccounts(latest);
          tick();
        });
      },
    });
    return made;
  };
  const out = element("Sign out", "out", "quiet away", () => signOut(account));
  if (account.next.does === "sign-in") {
    const again = element("Sign in again", "again", "primary", () => startSignIn(name));
    return make("div", { className: "buttons" }, again, out);
  }
  const renew = element("Refresh now", "refresh", "", () => refreshNow(account));
  if (!account.active) {
    const activate = element("Make active", "switch", "", () => makeActive(account));
    return make("div", { className: "buttons" }, activate, renew, out);
  }
  return make("div", { className: "buttons" },
    element("Copy token", "copy", "primary", () => copyToken(account)),
    renew,
    element("View claims", "claims", "", () => showClaims(account)),
    out);
}

async function refreshNow({ homeAccountId, username }) {
  await post("/dashboard/refresh", { account: homeAccountId });
  await refresh();
  toast(`Refreshed the token of ${username}`);
}

async function makeActive({ homeAccountId, username }) {
  await post("/dashboard/switch", { account: homeAccountId });
  await refresh();
  document.querySelector(`article[aria-label="${CSS.escape(username)}"] button`)?.focus();
}

async function copyToken({ homeAccountId }) {
  const { token, expiresInSeconds } = await get(`/token?account=${encodeURIComponent(homeAccountId)}`);
  await copy(token, `Copied the token, which expires in ${inWords(expiresInSeconds)}`);
  await refresh();
}

async function signOut({ homeAccountId, username }) {
  const sure = await confirmed({
    title: "Sign out?",
    text: `The tokens of ${username} are removed from this machine, for every program that uses acspass.`,
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
    `The claims of the Communication access token of ${username}. The signature is not verified. This page does not contain the token.`;
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

const signIn = (element) => busy(element, () => startSignIn(null), (error) =>
  render(at("sign-in"), noticeOf(error)));

async function startSignIn(account) {
  const { url } = await post("/dashboard/sign-in", { account });
  // If the browser blocks this, the link on the page does the same.
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
        make("p", {}, "If no tab opened, open the sign-in page here."))),
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

/** When each account's token ends, by this machine's clock. */
const deadlines = new Map();
/** A full ring, in seconds; more if a token was seen with more. */
const FULL = 3600;
const lives = new Map();

/** Counts down. */
export function tick() {
  tickTimes();
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
      none: ["No token", "failed" in ring.dataset ? "request failed" : "none requested"],
      gone: ["Expired", "failed" in ring.dataset ? "refresh failed" : "refresh on request"],
    }[state] ?? [countdown(left), "left"];
    if (large.textContent !== say[0]) large.textContent = say[0];
    if (small.textContent !== say[1]) small.textContent = say[1];
  }
}
