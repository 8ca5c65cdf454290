// The owner of the resource uses the card "Access without a key".

import assert from "node:assert/strict";
import { test } from "node:test";

import { button, grantAccess, open } from "./dashboard.mjs";
import { assertUneventful, openTab, patience, serve } from "./world.mjs";

const user = "aaaaaaaa-0000-4000-8000-0000000000b1";

async function dashboard(settings) {
  const tab = await openTab();
  await open(tab, await serve([], settings));
  return { tab, page: tab.page };
}

test("access is granted, listed and revoked", patience, async () => {
  const { tab, page } = await dashboard();
  await grantAccess(tab, user);
  const list = page.getByRole("list", { name: "Assignments of the resource" });
  const row = list.getByRole("listitem").filter({ hasText: user });
  await button(page, "List assignments").click();
  await row.waitFor();
  assert.match(await row.innerText(), /User of the tenant /);
  await grantAccess(tab, user, "already has this access");

  const revoke = button(row, "Revoke");
  await revoke.focus();
  await page.keyboard.press("Enter");
  await button(page.getByRole("dialog"), "Cancel").click();
  await revoke.click();
  await button(page.getByRole("dialog"), "Revoke").click();
  await row.waitFor({ state: "detached" });
  await page.getByRole("list", { name: "Recent events" }).getByText(`Access revoked: ${user}`).waitFor();
  assertUneventful(tab);
  await tab.context.close();
});

test("a tenant is named by its own id alone", patience, async () => {
  const { tab, page } = await dashboard();
  const tenant = page.getByLabel("Tenant id");
  await tenant.waitFor();
  await page.getByLabel("Type").selectOption("tenant");
  await tenant.waitFor({ state: "hidden" });
  await grantAccess(tab, "aaaaaaaa-0000-4000-8000-0000000000b3");
  await page.getByLabel("Type").selectOption("user");
  await tenant.waitFor();
  assertUneventful(tab);
  await tab.context.close();
});

test("a wrong id is said beside its field, and nothing is sent", patience, async () => {
  const { tab, page } = await dashboard();
  const sent = [];
  page.on("request", (request) => sent.push(request.method()));
  const field = page.getByLabel("Object id");
  await field.fill("ada@contoso.example");
  await button(page, "Grant access").click();
  await page.locator("#object-id-error").getByText("This is not an id").waitFor();
  assert.ok(await field.evaluate((element) => element === document.activeElement));
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.ok(!sent.includes("POST"), sent.join());
  assertUneventful(tab);
  await tab.context.close();
});

test("without the owner's credential there is no card", patience, async () => {
  const { tab, page } = await dashboard({
    COMMUNICATION_SERVICES_CONNECTION_STRING: undefined,
    COMMUNICATION_SERVICES_ENDPOINT: "http://localhost:1",
  });
  await page.locator("#identities-locked").waitFor();
  assert.equal(await page.getByRole("heading", { name: "Access without a key" }).count(), 0);
  await tab.context.close();
});
