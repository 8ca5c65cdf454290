// Photographs the dashboard for README.md, in light and in dark: `node picture.mjs FOLDER`. No test.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { ada, ben, open, signIn } from "./dashboard.mjs";
import { openTab, patience, serve } from "./world.mjs";

const folder = process.argv[2];
assert.ok(folder, "the folder of the pictures is missing");

// A test, so that what was started ends with it.
test("picture", patience, async () => {
  const tab = await openTab({ viewport: { width: 1000, height: 720 } });
  const { page } = tab;
  await open(tab, await serve());
  await signIn(tab, ben);
  await signIn(tab, ada);
  // The head of the page, without a toast and without focus.
  await page.locator("#toasts > *").first().waitFor({ state: "detached" });
  await page.evaluate(() => {
    document.activeElement?.blur();
    scrollTo(0, 0);
  });
  await page.mouse.move(0, 0);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    // A colour that is on its way to another one arrives first.
    await page.screenshot({ path: join(folder, `dashboard-${colorScheme}.png`), animations: "disabled" });
  }
  await tab.context.close();
});
