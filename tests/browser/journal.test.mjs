// The emulator's page of requests: rows appear while requests happen, by mouse and by keyboard.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertUneventful, emulator, openTab, patience } from "./world.mjs";

const send = (path, init) => fetch(`${emulator.httpUrl}${path}`, init);
const refused = () => send("/identities?api-version=2023-10-01", { method: "POST" });
const rows = (page) => page.getByRole("listitem").filter({ visible: true });

test("requests appear without a reload, and filters hide rows", patience, async () => {
  const tab = await openTab();
  const { page } = tab;
  await page.goto(`${emulator.httpUrl}/_emulator/`);
  await send("/common/discovery/v2.0/keys");
  await rows(page).filter({ hasText: "keys" }).waitFor();
  await refused();
  await rows(page).filter({ hasText: "authorization is missing" }).waitFor();
  assert.equal(await rows(page).count(), 2);
  await page.getByLabel("Refused only").check();
  assert.equal(await rows(page).count(), 1);
  await page.getByLabel("Refused only").uncheck();
  await page.getByLabel("Operation").selectOption("keys");
  assert.match(await rows(page).innerText(), /keys/);
  await page.getByLabel("Operation").selectOption("");
  await page.getByLabel("Service").selectOption("acs");
  assert.match(await rows(page).innerText(), /create_identity/);
  await page.getByLabel("Service").selectOption("");
  await page.getByLabel("Text").fill("no such text");
  await page.getByText("No requests to show.").waitFor();
  await page.getByLabel("Text").fill("");
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByText("Cleared the journal.").waitFor();
  assert.equal(await rows(page).count(), 0);
  await send("/common/discovery/v2.0/keys");
  await rows(page).filter({ hasText: "keys" }).waitFor();
  assertUneventful(tab);
  await tab.context.close();
});

test("the keyboard opens a row with its details", patience, async () => {
  const tab = await openTab();
  const { page } = tab;
  await refused();
  await page.goto(`${emulator.httpUrl}/_emulator/`);
  const row = rows(page).filter({ hasText: "create_identity" }).first();
  await row.locator("summary").focus();
  await page.keyboard.press("Enter");
  await row.getByText("Reason", { exact: true }).waitFor();
  assert.match(await row.innerText(), /authorization is missing or sent twice/);
  assertUneventful(tab);
  await tab.context.close();
});
