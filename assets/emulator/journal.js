"use strict";
const MOST = 500;
const INTERVAL = 1000;
const list = document.querySelector("#requests");
const filters = document.querySelector("#filters");
const [operations, service, text, refused] = filters.querySelectorAll("select, input");
const rows = new Map();
let latest = 0;
let counted = 0;

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Returns the details of an entry: its values, then tokens and the string-to-sign as text. */
function details(entry) {
  const values = element("dl", "values-of-request");
  const add = (name, value) => {
    if (value === undefined || value === "") return;
    values.append(element("dt", "", name), element("dd", "", String(value)));
  };
  add("Reason", entry.reason);
  add("Mistake", entry.mistake);
  add("Authenticated by", entry.authenticatedBy);
  add("Remark", entry.remark);
  add("Fault", entry.fault);
  add("User", entry.user);
  add("Client id", entry.clientId);
  add("Grant", entry.grant);
  add("Resource", entry.resource);
  add("Scopes", entry.scopes);
  add("Flow", entry.flow);
  add("Path", entry.path);
  add("Time", entry.time);
  add("Duration", `${entry.microseconds} µs`);
  const parts = [values];
  const addText = (title, text) => {
    const block = element("pre", "block", text);
    // A keyboard can scroll it.
    block.tabIndex = 0;
    block.setAttribute("role", "region");
    block.setAttribute("aria-label", `${title}, request ${entry.sequence}`);
    parts.push(element("p", "", title), block);
  };
  if (entry.stringToSign) addText("Expected string-to-sign", entry.stringToSign);
  for (const [title, tokens] of [["Received", entry.received], ["Issued", entry.issued]]) {
    for (const token of tokens) {
      const { kind, ...content } = token;
      addText(`${title}: ${kind}`, JSON.stringify(content, null, 2));
    }
  }
  return parts;
}

function row(entry) {
  const item = element("li", entry.outcome);
  const folded = document.createElement("details");
  const summary = document.createElement("summary");
  summary.append(
    element("span", "time", entry.time.slice(11, 19)),
    element("span", "outcome", `${entry.outcome} ${entry.status || "no response"}`),
    element("strong", "", entry.operation || `${entry.method} ${entry.path}`),
    element("span", "why", entry.mistake || entry.reason || entry.user || ""),
  );
  folded.append(summary);
  folded.addEventListener("toggle", () => {
    if (folded.open && folded.children.length === 1) folded.append(...details(entry));
  });
  item.append(folded);
  return item;
}

function isShown(entry) {
  return (!operations.value || entry.operation === operations.value)
    && (!service.value || entry.service === service.value)
    && (!refused.checked || entry.outcome === "refused")
    && (!text.value || JSON.stringify(entry).toLowerCase().includes(text.value.toLowerCase()));
}

function filter() {
  let shown = 0;
  for (const { entry, item } of rows.values()) {
    item.hidden = !isShown(entry);
    shown += item.hidden ? 0 : 1;
  }
  document.querySelector("#empty").hidden = shown > 0;
}

function clearRows() {
  rows.clear();
  list.replaceChildren();
}

function add(entry) {
  const item = row(entry);
  rows.set(entry.sequence, { entry, item });
  list.prepend(item);
  const isKnown = [...operations.options].some((option) => option.value === entry.operation);
  if (!isKnown) operations.add(new Option(entry.operation, entry.operation));
  if (rows.size > MOST) {
    const [oldest] = rows.keys();
    rows.get(oldest).item.remove();
    rows.delete(oldest);
  }
}

async function read(path) {
  const response = await fetch(`/_emulator/v1/${path}`, { cache: "no-store" });
  return response.ok ? response.json() : undefined;
}

async function update() {
  const journal = await read(`journal?after=${latest}&limit=${MOST}`);
  const clock = await read("clock");
  const { total, accepted } = journal;
  // Another emulator at this address, or a cleared journal.
  if (journal.latest < latest || total < counted) {
    clearRows();
    latest = journal.latest < latest ? 0 : latest;
  }
  for (const entry of journal.entries) {
    if (entry.sequence > latest) add(entry);
  }
  latest = journal.latest;
  counted = total;
  const time = `${clock.now.slice(11, 19)} UTC${clock.frozen ? ", stopped" : ""}`;
  document.querySelector("#summary").textContent =
    `${total} requests, ${accepted} accepted, ${journal.refused} refused. The emulator's clock: ${time}.`;
  filter();
}

async function poll() {
  try {
    if (!document.hidden) await update();
  } catch {
    document.querySelector("#summary").textContent = "The emulator does not respond.";
  }
  setTimeout(poll, INTERVAL);
}

document.querySelector("#clear").addEventListener("click", async () => {
  await fetch("/_emulator/v1/journal", { method: "DELETE", headers: { "X-Acspass-Emulator": "1" } });
  clearRows();
  filter();
  document.querySelector("#status").textContent = "Cleared the journal.";
});
filters.addEventListener("input", filter);
filters.hidden = false;
poll();
