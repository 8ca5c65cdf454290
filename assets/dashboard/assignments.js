// The assignments of the resource: users, groups and tenants that get tokens without an access key.

import {
  FieldError, at, busy, button, confirmed, make, noticeOf, render, sentence, toast,
} from "./page.js";
import { get, post } from "./service.js";

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const TYPES = {
  entra: [["user", "User"], ["group", "Group"], ["tenant", "Tenant"]],
  "teams-extension": [["user", "User"], ["resourceAccount", "Resource account"]],
};

let refresh;
let exchange;
/** The assignments, after the user has asked for them. */
let listed = null;
/** The error of the last action of each principal. */
const errors = new Map();

export function begin(hooks) {
  ({ refresh } = hooks);
  at("grant").onsubmit = (event) => {
    event.preventDefault();
    busy(at("grant-button"), grant, problem);
  };
  at("revoke-button").onclick = () => busy(at("revoke-button"), async () => {
    const { objectId, tenantId } = values(["object-id", "tenant-id"]);
    if (await revoke(objectId, tenantId)) at("object-id").focus();
  }, problem);
  at("principal-type").onchange = showFields;
  at("list-assignments").onclick = () => busy(at("list-assignments"), list, problem);
}

const problem = (error) => at("grant-problem").replaceChildren(noticeOf(error));

export function show({ owner, access }) {
  at("access").hidden = !owner || Boolean(owner.error);
  if (exchange === access.exchange) return;
  exchange = access.exchange;
  at("access-exchange").textContent = exchange;
  at("principal-type").replaceChildren(...TYPES[exchange].map(([value, text]) => make("option", { value }, text)));
  showFields();
  at("tenant-id").value = access.tenantId ?? "";
  at("app-id").value = access.clientId ?? "";
  // The service lists the assignments of one exchange only. Of the other, the form revokes.
  at("list-assignments").hidden = exchange !== "entra";
  at("revoke-button").hidden = exchange === "entra";
}

/** A tenant's object id is the tenant's own id. */
const ofTenant = () => at("principal-type").value === "tenant";

function showFields() {
  at("tenant-field").hidden = ofTenant();
}

/** The values of these fields, each a GUID. */
function values(ids) {
  const names = { "object-id": "objectId", "tenant-id": "tenantId", "app-id": "clientId" };
  return Object.fromEntries(ids.map((id) => {
    const value = at(id).value.trim();
    if (!GUID.test(value)) {
      throw new FieldError(at(id), { message: "This is not an id", hint: "Copy it from the portal. It has the form of a GUID." });
    }
    return [names[id], value];
  }));
}

async function grant() {
  const principalType = at("principal-type").value;
  const asked = ofTenant()
    ? values(["object-id", "app-id"])
    : values(["object-id", "tenant-id", "app-id"]);
  asked.tenantId ??= asked.objectId;
  const { objectId, change } = await post("/dashboard/assignments/grant", { ...asked, principalType });
  errors.delete(objectId);
  toast({
    created: `Granted access to ${objectId}`,
    updated: `Granted access to ${objectId} for a further application`,
    unchanged: `${objectId} already has this access`,
  }[change]);
  at("object-id").value = "";
  if (listed) await list();
  await refresh();
  at("object-id").focus();
}

/** Revokes the access of a principal after a confirmation, without which it returns `false`. */
async function revoke(objectId, tenantId) {
  const sure = await confirmed({
    title: "Revoke this access?",
    text: `${objectId} gets no new tokens without a key. Issued tokens stay valid until they expire.`,
    yes: "Revoke",
  });
  if (!sure) return false;
  const { change } = await post("/dashboard/assignments/revoke", { objectId, tenantId });
  toast(change === "absent" ? `${objectId} has no access` : `Revoked the access of ${objectId}`);
  if (listed) await list();
  await refresh();
  return true;
}

async function list() {
  ({ value: listed } = await get("/dashboard/assignments"));
  draw();
}

function draw() {
  at("list-assignments").textContent = "Reload the list";
  render(at("assignments"), ...listed.map(item));
  at("assignments-none").hidden = listed.length > 0;
}

function item({ objectId, tenantId, principalType, clientIds }) {
  const error = errors.get(objectId);
  const made = button("Revoke", {
    key: `revoke ${objectId}`,
    className: "small quiet away",
    unseen: `the access of ${objectId}`,
    onclick: () => {
      errors.delete(objectId);
      return busy(made, async () => {
        if (await revoke(objectId, tenantId)) at("list-assignments").focus();
      }, (failure) => {
        errors.set(objectId, failure);
        draw();
      });
    },
  });
  const apps = clientIds.length === 1 ? "Application" : "Applications";
  return make("li", {},
    make("div", {},
      make("code", { className: "mono" }, objectId),
      make("p", {}, sentence(`${principalType} of the tenant ${tenantId}`), ` ${apps}: ${clientIds.join(", ")}`)),
    make("div", { className: "buttons" }, made),
    error ? noticeOf(error) : null);
}
