// Every page, in light and dark, wide and narrow: axe finds nothing, nothing sticks out, nothing is
// fetched, and a photograph is kept for a person to look at.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { pages } from "./pages.mjs";
import { assertUneventful, openTab, patience } from "./world.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const sizes = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

for (const [name, { heading, status = 200, reach }] of Object.entries(pages)) {
  test(name, patience, async () => {
    const tab = await openTab();
    const { page } = tab;
    await reach(tab);
    await page.getByRole("heading", { name: heading, exact: true, level: 1 }).waitFor();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      for (const size of sizes) {
        await page.setViewportSize(size);
        const as = `${name}-${colorScheme}-${size.width}`;
        const photograph = join(process.env.BROWSER_TESTS_OUT, "screenshots", `${as}.png`);
        await page.screenshot({ path: photograph, fullPage: true });
        assert.deepEqual(await flaws(page), [], as);
        assert.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), `${as} is too wide`);
      }
    }
    // A page without an icon of its own has the browser ask its host for one.
    const icons = page.locator("link[rel~=icon]");
    assert.match((await icons.first().getAttribute("href")) ?? "", /^data:/);
    assertUneventful(tab, { status });
    await tab.context.close();
  });
}

/** What axe finds wrong, and what it could not decide. */
async function flaws(page) {
  // By the debugger's door, which no page's policy closes: the page keeps its real one.
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe);
  const found = await page.evaluate(
    (values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }),
    rules,
  );
  assert.ok(found.passes.length > 10, "axe looked at nothing");
  return [...found.violations, ...found.incomplete].flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.html}: ${node.failureSummary}`),
  );
}
