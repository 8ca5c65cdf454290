// Every page, in light and dark, wide and narrow: axe reports nothing, nothing overflows, nothing is
// fetched, and a screenshot is saved for a review by eye.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";

import { pages } from "./pages.mjs";
import { assertUneventful, openTab, patience } from "./world.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const sizes = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

// axe takes most of the time, in its tab.
describe("pages", { concurrency: availableParallelism() }, () => {
  for (const [name, { heading, shows = "", status = 200, expected, reach }] of Object.entries(pages)) {
    test(name, patience, async () => {
      const tab = await openTab();
      const { page } = tab;
      await reach(tab);
      await page.getByRole("heading", { name: heading, exact: true, level: 1 }).waitFor();
      const text = await page.innerText("main");
      assert.ok(text.includes(shows), `no ${shows} in ${text}`);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        for (const size of sizes) {
          await page.setViewportSize(size);
          const as = `${name}-${colorScheme}-${size.width}`;
          const photograph = join(process.env.BROWSER_TESTS_OUT, "screenshots", `${as}.png`);
          await page.screenshot({ path: photograph, fullPage: true });
          assert.deepEqual(await flaws(page), [], as);
          assert.deepEqual(await squeezed(page), [], as);
          assert.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), `${as} is too wide`);
        }
      }
      // For a page without an icon the browser requests one from the host.
      const icons = page.locator("link[rel~=icon]");
      assert.match((await icons.first().getAttribute("href")) ?? "", /^data:/);
      tab.seen.complaints = tab.seen.complaints.filter((complaint) => !expected?.test(complaint));
      assertUneventful(tab, { status });
      await tab.context.close();
    });
  }
});

/** Returns elements whose text has so little width that it breaks letter by letter. */
const squeezed = (page) =>
  page.evaluate(() => {
    const hasText = (at) => [...at.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const isTower = ({ width, height }) => height > 2 * width;
    const all = [...document.querySelectorAll("main *")].filter(hasText);
    return all.filter((at) => isTower(at.getBoundingClientRect())).map((at) => at.outerHTML);
  });

/** Returns the violations that axe reports, and the checks that it could not decide. */
async function flaws(page) {
  // The debugger's protocol bypasses the page's policy, which stays unchanged.
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
