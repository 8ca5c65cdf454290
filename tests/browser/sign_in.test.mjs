// A person signs in: acspass opens the page, Chromium walks it, and the answer comes home by
// form_post over loopback.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  assertUneventful,
  emulator,
  listenerOf,
  login,
  openTab,
  patience,
  pick,
  secretsOf,
} from "./world.mjs";

const ada = "ada@contoso.example";
const ben = "ben@contoso.example";

/** Each way from the sign-in address to an end, and that end. */
const flows = {
  "a user is picked, over http": {
    walk: (page) => pick(page, ben),
    page: { title: "You are signed in · acspass", shows: ben },
    ends: { code: 0, says: ben },
  },
  "a user is picked, over https": {
    authority: emulator.url,
    walk: (page) => pick(page, ben),
    page: { title: "You are signed in · acspass", shows: ben },
    ends: { code: 0, says: ben },
  },
  "the hint's user needs no click": {
    args: ["--account", ben, "--prompt", "login"],
    page: { title: "You are signed in · acspass", shows: ben },
    ends: { code: 0, says: ben },
  },
  "scripts are off": {
    context: { javaScriptEnabled: false },
    async walk(page) {
      await pick(page, ada);
      await page.getByRole("button", { name: "Continue" }).click();
    },
    page: { title: "You are signed in · acspass", shows: ada },
    ends: { code: 0, says: ada },
  },
  "by keyboard alone": {
    async walk(page) {
      const wanted = page.getByRole("button", { name: ada });
      for (let presses = 0; !(await wanted.evaluate((at) => at === document.activeElement)); presses += 1) {
        assert.ok(presses < 20, "no number of Tabs leads to the user");
        await page.keyboard.press("Tab");
      }
      await page.keyboard.press("Enter");
    },
    page: { title: "You are signed in · acspass", shows: ada },
    ends: { code: 0, says: ada },
  },
  "another user is picked than the one asked for": {
    args: ["--account", ben, "--prompt", "select_account"],
    walk: (page) => pick(page, ada),
    page: { title: "Sign-in failed · acspass", shows: `${ada} signed in, but ${ben} was asked for` },
    ends: { code: 3, says: ada },
  },
  "the user cancels": {
    walk: (page) => page.getByRole("button", { name: "Cancel" }).click(),
    page: { title: "Sign-in failed · acspass", shows: "cancelled" },
    ends: { code: 3, says: "cancelled" },
  },
};

for (const [name, { args, authority, context, walk, page: wanted, ends }] of Object.entries(flows)) {
  test(name, patience, async () => {
    const tab = await openTab(context);
    const { page } = tab;
    const run = login(args, { authority });
    const address = await run.address;
    const listener = listenerOf(address);
    await page.goto(address);
    if (walk) {
      assert.equal(await page.title(), "Pick an account - acspass emulator");
      await walk(page);
    }
    await page.waitForURL(`${listener}/`);

    assert.equal(await page.title(), wanted.title);
    assert.match(await page.innerText("main"), new RegExp(wanted.shows));
    const { code, stdout, stderr } = await run.ended;
    assert.equal(code, ends.code, stderr);
    assert.match(stderr, new RegExp(ends.says));

    const answers = tab.seen.requests.filter((request) => request.url().startsWith(listener));
    assert.deepEqual(
      answers.map((request) => `${request.method()} ${request.url()}`),
      [`POST ${listener}/`],
    );
    const places = [await page.content(), stdout, stderr, ...(await history(tab, address))];
    for (const secret of secretsOf(tab, address)) {
      for (const place of places) assert.ok(!place.includes(secret), `${secret} in ${place}`);
    }
    assertUneventful(tab);
    await tab.context.close();
  });
}

/** What the tab's back button leads to, but for the sign-in address: that one carries state and
 * nonce because it must. */
async function history({ context, page }, address) {
  const session = await context.newCDPSession(page);
  const { entries } = await session.send("Page.getNavigationHistory");
  return entries.map((entry) => entry.url).filter((url) => url !== address);
}

test("strangers' tabs do not end the wait", patience, async () => {
  const run = login();
  const address = await run.address;
  const listener = listenerOf(address);
  const state = new URL(address).searchParams.get("state");
  const strangers = {
    "/": [405, "The sign-in has not come back yet"],
    "/elsewhere": [404, "There is nothing here"],
    "/?code=x&state=y": [405, "The sign-in has not come back yet"],
    [`/?code=x&state=${state}`]: [400, "The answer came in the address"],
  };
  for (const [path, [status, heading]] of Object.entries(strangers)) {
    const tab = await openTab();
    const answer = await tab.page.goto(`${listener}${path}`);
    assert.equal(answer.status(), status, path);
    assert.match(await tab.page.innerText("h1"), new RegExp(heading));
    assert.match(await tab.page.innerText("main"), /The wait goes on/);
    assertUneventful(tab, { status });
    await tab.context.close();
  }

  // A page of somebody else posts an answer of its own.
  const forger = await openTab();
  await forger.page.goto(emulator.httpUrl);
  await forger.page.setContent(
    `<form method="post" action="${listener}/"><input name="code" value="x"><input name="state" value="y"></form>`,
  );
  const forged = forger.page.waitForResponse(`${listener}/`);
  await forger.page.evaluate(() => document.forms[0].submit());
  assert.equal((await forged).status(), 400);
  await forger.page.getByRole("heading", { name: "This is not the answer to the sign-in" }).waitFor();
  await forger.context.close();

  const tab = await openTab();
  await tab.page.goto(address);
  await pick(tab.page, ada);
  await tab.page.waitForURL(`${listener}/`);
  assert.equal(await tab.page.title(), "You are signed in · acspass");
  assert.equal((await run.ended).code, 0);
  assertUneventful(tab);
  await tab.context.close();
});

test("a code is entered on another device", patience, async () => {
  const run = login(["--device-code"]);
  const [, device] = await run.saying(/^ *page +(\S+)/m);
  const [, code] = await run.saying(/^ *code +(\S+)/m);
  const tab = await openTab();
  const { page } = tab;
  await page.goto(device);
  // As people type it.
  await page.keyboard.type(`${code.slice(0, 4)} ${code.slice(4)}`.toLowerCase());
  await page.keyboard.press("Enter");
  await pick(page, ben);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "You have signed in" }).waitFor();
  const { code: exit, stderr } = await run.ended;
  assert.equal(exit, 0, stderr);
  assert.match(stderr, new RegExp(`${ben} is signed in`));
  assert.equal(page.url(), device);
  assertUneventful(tab);
  await tab.context.close();
});
