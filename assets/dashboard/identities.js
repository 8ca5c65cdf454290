// Identities of the resource and tokens for them, as on the page "Identities" of the Azure portal.

import {
  FieldError, at, busy, button, confirmed, copy, inWords, make, noticeOf, render, sentence, timeLeft, toast,
  words,
} from "./page.js";
import { post, remove } from "./service.js";

const SCOPES = [
  ["chat", "Full access to chats", true],
  ["voip", "Full access to calls", true],
  ["chat.join", "Join chats, but not create or delete them", false],
  ["chat.join.limited", "As chat.join, without adding or removing participants", false],
  ["voip.join", "Join calls, but not start them", false],
];
const HOURS = [1, 2, 4, 8, 12, 24];
/** The storage of names across a reload; it never contains a token. */
const SHELF = "acspass-identities";

/** By identity. Only this map contains tokens. */
const known = new Map();
/** The error of the last action of each identity. */
const errors = new Map();
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
    busy(at("generate-button"), generate, (error) =>
      at("generate-problem").replaceChildren(noticeOf(error)));
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
    throw new FieldError(at("scopes-field"), { message: "No scope is selected", hint: "Select at least one scope." });
  }
  const asked = { scopes, expiresInMinutes: Number(at("lifetime").value) };
  const existing = at("existing").value.trim();
  let id = existing;
  let token;
  if (existing) {
    try {
      token = await post(`/identities/${encodeURIComponent(existing)}/tokens`, asked);
    } catch (error) {
      // The other values come from lists, so that the identity is wrong or unknown.
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
    const made = button(text, {
      key: `${key} ${id}`,
      className: `small ${className}`,
      onclick: () => {
        errors.delete(id);
        return busy(made, work, (error) => {
          errors.set(id, error);
          list();
        });
      },
    });
    return made;
  };
  const left = () => (Date.parse(expiresOn) - Date.now()) / 1000;
  const isOver = !expiresOn || left() <= 0;
  const state = identity.revoked
    ? ["Tokens revoked. The revocation takes up to 15 min."]
    : isOver ? ["Token expired"] : [`Scopes: ${scopes.join(", ")}. Expires `, timeLeft(expiresOn)];
  const get = token && !isOver && !identity.revoked
    ? act("Copy token", "copy", "primary", () => copy(token, `Copied the token, which expires in ${inWords(left())}`))
    : act("Issue a token", "copy", "", async () => {
      const issued = await post(`/identities/${encodeURIComponent(id)}/tokens`, identity.asked);
      keep(id, { ...identity, revoked: false, token: issued.token, expiresOn: issued.expiresOn });
      await refresh();
    });
  return make("li", {},
    make("div", {}, make("code", { className: "mono" }, id), make("p", {}, ...state)),
    make("div", { className: "buttons" },
      get,
      act("Copy id", "id", "", () => copy(id, "Copied the id of the identity")),
      act("Revoke tokens", "revoke", "", () => revoke(id, identity)),
      act("Delete", "delete", "quiet away", () => discard(id))),
    errors.has(id) ? noticeOf(errors.get(id)) : null);
}

async function revoke(id, identity) {
  const sure = await confirmed({
    title: "Revoke all tokens of this identity?",
    text: `Every app that uses a token of ${id} loses access within 15 min.`,
    yes: "Revoke",
  });
  if (!sure) return;
  await post(`/identities/${encodeURIComponent(id)}/revoke`);
  keep(id, { ...identity, revoked: true, token: undefined });
  toast("Revoked the tokens of the identity");
  await refresh();
}

async function discard(id) {
  const sure = await confirmed({
    title: "Delete this identity?",
    text: `${id} and all its tokens are deleted from the resource, for every app that uses them.`,
    yes: "Delete",
  });
  if (!sure) return;
  await remove(`/identities/${encodeURIComponent(id)}`);
  keep(id, undefined);
  toast("Deleted the identity");
  await refresh();
  at("generate-button").focus();
}
