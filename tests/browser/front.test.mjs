// The emulator's front page: each value has a button that copies it, with and without the permission for
// the clipboard, by mouse and by keyboard.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertUneventful, emulator, openTab, patience } from "./world.mjs";

/** What the page has to offer, by the name of its button. */
const values = {
  "Connection string": emulator.connectionString,
  "Connection string, http": emulator.connectionString.replace(emulator.url, emulator.httpUrl),
  Endpoint: `${emulator.url}/`,
  "Endpoint, http": `${emulator.httpUrl}/`,
  "Tenant id": emulator.tenantId,
  "Client id": emulator.clientId,
  Authority: `${emulator.url}/${emulator.tenantId}`,
  "CA certificate file": emulator.caFile,
};

/** The settings for a shell, and a line of each. */
const settings = {
  "settings of acspass": `export AZURE_AUTHORITY_HOST=${emulator.httpUrl}`,
  "settings of the Azure SDKs": `export AZURE_AUTHORITY_HOST=${emulator.url}`,
  "settings of the service app": `export AZURE_TENANT_ID=${emulator.tenantId}`,
};

const copyButton = (page, name) => page.getByRole("button", { name: `Copy ${name}`, exact: true });

/** Grants or denies a tab's context the clipboard. */
async function permit({ page, context }, setting) {
  const session = await context.newCDPSession(page);
  const { targetInfo } = await session.send("Target.getTargetInfo");
  await session.send("Browser.setPermission", {
    permission: { name: "clipboard-write" },
    setting,
    origin: emulator.httpUrl,
    browserContextId: targetInfo.browserContextId,
  });
  const state = page.evaluate(async () => (await navigator.permissions.query({ name: "clipboard-write" })).state);
  assert.equal(await state, setting);
}

/** The text in the clipboard, pasted by the keyboard. */
async function pasted(context) {
  const page = await context.newPage();
  await page.setContent("<textarea></textarea>");
  await page.locator("textarea").focus();
  await page.keyboard.press("Control+V");
  const text = await page.locator("textarea").inputValue();
  await page.close();
  return text;
}

for (const setting of ["granted", "denied"]) {
  test(`each value is copied with the permission ${setting}`, patience, async () => {
    const tab = await openTab();
    const { page, context } = tab;
    await page.goto(emulator.httpUrl);
    await permit(tab, setting);
    for (const [name, text] of Object.entries(values)) {
      await copyButton(page, name).click();
      await page.getByRole("status").getByText(`Copied: ${name}`, { exact: true }).waitFor();
      assert.equal(await pasted(context), text, name);
    }
    for (const [name, line] of Object.entries(settings)) {
      await copyButton(page, name).click();
      await page.getByRole("status").getByText(`Copied: ${name}`, { exact: true }).waitFor();
      const lines = (await pasted(context)).split("\n");
      assert.ok(lines.includes(line), `${line} in ${lines.join("\n")}`);
      assert.ok(lines.every((each) => each.startsWith("export ")), lines.join("\n"));
    }
    assertUneventful(tab);
    await context.close();
  });
}

test("a value that the browser does not copy is selected", patience, async () => {
  const tab = await openTab();
  const { page } = tab;
  await page.goto(emulator.httpUrl);
  await page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error("denied"));
    document.execCommand = () => false;
  });
  await copyButton(page, "Tenant id").click();
  await page.getByRole("status").getByText("Selected: Tenant id. Press Ctrl+C to copy.").waitFor();
  assert.equal(await page.evaluate(() => getSelection().toString()), emulator.tenantId);
  await tab.context.close();
});

test("the keyboard reaches the buttons and copies", patience, async () => {
  const tab = await openTab();
  const { page, context } = tab;
  await page.goto(emulator.httpUrl);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Requests");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Copy Connection string");
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("Copied: Connection string", { exact: true }).waitFor();
  assert.equal(await pasted(context), emulator.connectionString);
  assertUneventful(tab);
  await context.close();
});

test("without scripts the values are there and the buttons are not", patience, async () => {
  const tab = await openTab({ javaScriptEnabled: false });
  const { page } = tab;
  await page.goto(emulator.httpUrl);
  assert.equal(await page.getByRole("button").count(), 0);
  const text = await page.innerText("main");
  for (const value of Object.values(values)) assert.ok(text.includes(value), value);
  await tab.context.close();
});

test("the page uses the width of a desktop", patience, async () => {
  const tab = await openTab({ viewport: { width: 1280, height: 800 } });
  const { page } = tab;
  await page.goto(emulator.httpUrl);
  const { width } = await page.locator("main").boundingBox();
  assert.ok(width > 1100, `${width}`);
  await tab.context.close();
});
