// Identities of the resource, and tokens for them: what the portal's page of that name does.

import {
  FieldError, at, busy, button, confirmed, copy, inWords, make, render, sentence, timeOf, words,
} from "./page.js";
import { post, remove } from "./service.js";

const SCOPES = [
  ["chat", "Everything in chats", true],
  ["voip", "Everything in calls", true],
  ["chat.join", "Take part in chats; create and delete none", false],
  ["chat.join.limited", "As chat.join, without adding or removing people", false],
  ["voip.join", "Join calls; start none", false],
];
const HOURS = [1, 2, 4, 8, 12, 24];
/** What is kept across a reload: names, never a token. */
const SHELF = "acspass-identities";

/** By identity. A token is in here and nowhere on the page. */
const known = new Map();
let refresh;

export function begin(hooks) {
  ({ refresh } = hooks);
  at("scopes").append(...SCOPES.map(([name, meaning, checked]) =>
    make("label", {},
      make("input", { type: "checkbox", name: "scope", value: name, checked }),
      make("span", {}, make("span", { className: "mono" }, name), " ", make("small", {}, meaning)))));
  at("lifetime").append(...HOURS.map((hours) =>
    make("option", { value: hours * 60 }, hours === 1 ? "1 hour" : `${hours} hours`)));
  at("lifetime").value = String(24 * 60);
  at("existing").oninput = () => {
    at("generate-button").textContent = at("existing").value.trim() ? "Issue a token" : "Generate";
  };
  at("generate").onsubmit = (event) => {
    event.preventDefault();
    busy(at("generate-button"), generate);
  };
  for (const [id, kept] of Object.entries(JSON.parse(sessionStorage.getItem(SHELF) ?? "{}"))) {
    known.set(id, kept);
  }
  list();
}

export function show({ owner }) {
  const isOwner = Boolean(owner && !owner.error);
  at("generate").hidden = !isOwner;
  at("identities-locked").hidden = isOwner;
  if (isOwner) at("endpoint").textContent = new URL(owner.endpoint).host;
  else at("identities-how").replaceChildren(...words(sentence(owner.error.hint)));
}

async function generate() {
  const scopes = [...document.querySelectorAll("#scopes :checked")].map((box) => box.value);
  if (scopes.length === 0) {
    throw new FieldError(at("scopes-field"), { message: "No scope is chosen", hint: "Choose what the token is for." });
  }
  const asked = { scopes, expiresInMinutes: Number(at("lifetime").value) };
  const existing = at("existing").value.trim();
  let id = existing;
  let token;
  if (existing) {
    try {
      token = await post(`/identities/${encodeURIComponent(existing)}/tokens`, asked);
    } catch (error) {
      // The rest of the request is chosen from lists: what is wrong or unknown is the identity.
      throw [400, 404].includes(error.status) ? new FieldError(at("existing"), error) : error;
    }
  } else {
    const created = await post("/identities", asked);
    ({ identity: { id }, accessToken: token } = created);
  }
  keep(id, { scopes, asked, token: token.token, expiresOn: token.expiresOn, isNew: !existing });
  at("existing").value = "";
  at("existing").oninput();
  at("identities").querySelector(`[data-key="${CSS.escape(`copy ${id}`)}"]`)?.focus();
  await refresh();
}

function keep(id, what) {
  known.delete(id);
  if (what) known.set(id, what);
  const bare = [...known].map(([name, { token, ...rest }]) => [name, rest]);
  sessionStorage.setItem(SHELF, JSON.stringify(Object.fromEntries(bare)));
  list();
}

function list() {
  render(at("identities"), ...[...known].reverse().map(item));
}

function item([id, identity]) {
  const { scopes, token, expiresOn } = identity;
  const act = (text, key, className, work) => {
    const made = button(text, { key: `${key} ${id}`, className: `small ${className}`, onclick: () => busy(made, work) });
    return made;
  };
  const left = () => (Date.parse(expiresOn) - Date.now()) / 1000;
  const isOver = !expiresOn || left() <= 0;
  const state = identity.revoked
    ? ["Its tokens are revoked, which takes up to 15 minutes"]
    : isOver ? ["The token has expired"] : [`For ${scopes.join(", ")}, until `, timeOf(expiresOn)];
  const get = token && !isOver && !identity.revoked
    ? act("Copy token", "copy", "primary", () => copy(token, `Token copied, valid for another ${inWords(left())}`))
    : act("Issue a token", "copy", "", async () => {
      const issued = await post(`/identities/${encodeURIComponent(id)}/tokens`, identity.asked);
      keep(id, { ...identity, revoked: false, token: issued.token, expiresOn: issued.expiresOn });
      await refresh();
    });
  return make("li", {},
    make("div", {}, make("code", { className: "mono" }, id), make("p", {}, ...state)),
    make("div", { className: "buttons" },
      get,
      act("Copy id", "id", "", () => copy(id, "The identity’s id is copied")),
      act("Revoke tokens", "revoke", "", async () => {
        await post(`/identities/${encodeURIComponent(id)}/revoke`);
        keep(id, { ...identity, revoked: true, token: undefined });
        await refresh();
      }),
      act("Delete", "delete", "quiet away", () => discard(id))));
}

async function discard(id) {
  const sure = await confirmed({
    title: "Delete this identity?",
    text: `${id} is deleted from the resource, with all of its tokens, for every app that uses it.`,
    yes: "Delete",
  });
  if (!sure) return;
  await remove(`/identities/${encodeURIComponent(id)}`);
  keep(id, undefined);
  await refresh();
  at("generate-button").focus();
}
