// A sign-in: acspass opens the page, Chromium completes it, and the response arrives by form_post over
// loopback.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import {
  acspass,
  assertUneventful,
  button,
  emulator,
  leadsTo,
  login,
  newHome,
  openTab,
  patience,
  pick,
  prove,
  secretsOf,
} from "./world.mjs";

const ada = "ada@contoso.example";
const ben = "ben@contoso.example";

const consent = "consent@contoso.example";
const adminConsent = "admin-consent@contoso.example";
const mfa = "mfa@contoso.example";
const blocked = "blocked@contoso.example";

/**
 * Each way from the sign-in address to an end, and that end. `starts` is the heading of the page
 * where it begins, `status` what one of its pages has instead of 200.
 */
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
      await button(page, "Continue");
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
    page: { title: "Sign-in failed · acspass", shows: `${ada} signed in instead of ${ben}` },
    ends: { code: 3, says: ada },
  },
  "the user cancels": {
    walk: (page) => button(page, "Cancel"),
    page: { title: "Sign-in failed · acspass", shows: "cancelled" },
    ends: { code: 3, says: "cancelled" },
  },
  // Before the consent is accepted: the emulator asks only once.
  "consent is declined": {
    args: ["--account", consent],
    starts: "Permissions requested",
    walk: (page) => button(page, "Decline"),
    page: { title: "Sign-in failed · acspass", shows: "AADSTS65004" },
    ends: { code: 3, says: "AADSTS65004" },
  },
  "consent is accepted": {
    async walk(page) {
      await page.getByText("Test users for error cases").click();
      await pick(page, `Consent ${consent}`);
      await page.getByRole("heading", { name: "Permissions requested" }).waitFor();
      assert.match(await page.innerText("#permissions"), /Teams\.ManageCalls/);
      await button(page, "Accept");
    },
    page: { title: "You are signed in · acspass", shows: consent },
    ends: { code: 0, says: consent },
  },
  "consent is not asked for twice": {
    args: ["--account", consent],
    page: { title: "You are signed in · acspass", shows: consent },
    ends: { code: 0, says: consent },
  },
  "an admin would have to consent": {
    args: ["--account", adminConsent],
    starts: "Need admin approval",
    walk: (page) => button(page, "Return to the application without granting consent"),
    page: { title: "Sign-in failed · acspass", shows: "AADSTS90094" },
    ends: { code: 3, says: "AADSTS90094" },
  },
  "a second proof is given": {
    args: ["--account", mfa],
    starts: "Verify your identity",
    walk: (page) => prove(page, "123456"),
    page: { title: "You are signed in · acspass", shows: mfa },
    ends: { code: 0, says: mfa },
  },
  "a second proof is given with Enter": {
    args: ["--account", mfa],
    starts: "Verify your identity",
    async walk(page) {
      // The field waits for the code, and Enter in it clicks Verify.
      await page.locator("#code:focus").waitFor();
      await page.keyboard.type("123456");
      await page.keyboard.press("Enter");
    },
    page: { title: "You are signed in · acspass", shows: mfa },
    ends: { code: 0, says: mfa },
  },
  "a second proof is wrong, and then right": {
    args: ["--account", mfa],
    starts: "Verify your identity",
    status: 400,
    async walk(page) {
      await prove(page, "654321");
      await page.getByRole("alert").getByText("That code did not work.").waitFor();
      await prove(page, "123456");
    },
    page: { title: "You are signed in · acspass", shows: mfa },
    ends: { code: 0, says: mfa },
  },
  "no second proof is given": {
    args: ["--account", mfa],
    starts: "Verify your identity",
    walk: (page) => button(page, "Cancel"),
    page: { title: "Sign-in failed · acspass", shows: "AADSTS65004" },
    ends: { code: 3, says: "AADSTS65004" },
  },
};

for (const [name, { args, authority, context, ...flow }] of Object.entries(flows)) {
  test(name, patience, () => follow(login(args, { authority }), flow, context));
}

/** Completes a run's sign-in in its own tab, and searches for secrets afterwards. */
async function follow(run, { starts = "Pick an account", status, walk, page: wanted, ends }, context, tab) {
  tab ??= await openTab(context);
  const { page } = tab;
  const [start, address] = [await run.start, await run.address];
  const listener = new URL(start).origin;
  // A page that submits itself at once is never loaded.
  await page.goto(start, { waitUntil: "commit" });
  if (walk) {
    await page.waitForLoadState();
    assert.equal(await page.title(), `${starts} - acspass emulator`);
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
    [`GET ${start}`, `POST ${listener}/`],
  );
  const places = [await page.content(), stdout, stderr, ...(await history(tab, address))];
  for (const secret of secretsOf(tab, address)) {
    for (const place of places) assert.ok(!place.includes(secret), `${secret} in ${place}`);
  }
  assertUneventful(tab, { status });
  await tab.context.close();
}

/** The entries of the tab's history, without the sign-in address, which has to contain state and
 * nonce. */
async function history({ context, page }, address) {
  const session = await context.newCDPSession(page);
  const { entries } = await session.send("Page.getNavigationHistory");
  return entries.map((entry) => entry.url).filter((url) => url !== address);
}

for (const user of ["step-up@contoso.example", "moved@contoso.example"]) {
  test(`${user} proves more where a renewal is refused`, patience, async () => {
    const home = newHome();
    const signedIn = { title: "You are signed in · acspass", shows: user };
    // No page at first.
    const first = login(["--account", user], { home });
    await follow(first, { page: signedIn, ends: { code: 0, says: user } });

    const renewal = ["get", "--force-refresh"];
    const asking = acspass([...renewal, "--interactive", "--timeout", "50s"], { home });
    assert.ok(new URL(await asking.address).searchParams.get("claims"), "no claims are passed on");
    await follow(asking, {
      starts: "Verify your identity",
      walk: (page) => prove(page, "123456"),
      page: signedIn,
      ends: { code: 0, says: "Opening your browser" },
    });
    assert.match((await asking.ended).stdout, /^ey[\w-]+\.[\w-]+\.[\w-]+\n$/);

    const { code, stdout, stderr } = await acspass([...renewal, "--no-interactive"], { home }).ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^ey/);
  });
}

/** The ends of a wait for a user whose sign-in is blocked. */
const waits = {
  "Ctrl-C": {
    limit: "50s",
    async end(run, listener) {
      assert.match(await (await fetch(listener)).text(), /Still waiting for the sign-in/);
      await run.interrupt();
    },
    code: 130,
    says: "Waiting up to 50 s",
  },
  "the time limit": {
    limit: "3s",
    end: () => {},
    code: 3,
    says: "sign-in timed out.*[^]*Conditional Access",
  },
};

for (const [name, { limit, end, code, says }] of Object.entries(waits)) {
  test(`the wait for a blocked user lasts until ${name}`, patience, async () => {
    const tab = await openTab();
    const { page } = tab;
    const run = acspass(["login", "--account", blocked, "--timeout", limit]);
    const [start, address] = [await run.start, await run.address];
    await page.goto(start);
    await page.getByRole("heading", { name: "You cannot access this right now" }).waitFor();
    assert.match(await page.innerText("main"), /AADSTS53003/);
    await end(run, new URL(start).origin);
    const ended = await run.ended;
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, new RegExp(says));
    assert.equal(page.url(), address);
    const asked = tab.seen.requests.filter((request) => !request.url().startsWith("data:"));
    assert.deepEqual(asked.map((request) => request.url()), [start, address], "it led on");
    assertUneventful(tab, { status: 400 });
    await tab.context.close();
  });
}

test("requests of other tabs do not end the wait", patience, async () => {
  const run = login();
  const [start, address] = [await run.start, await run.address];
  const listener = new URL(start).origin;
  const state = new URL(address).searchParams.get("state");
  const strangers = {
    "/": [405, "Still waiting for the sign-in"],
    "/elsewhere": [404, "Page not found"],
    "/?code=x&state=y": [405, "Still waiting for the sign-in"],
    [`/?code=x&state=${state}`]: [400, "The sign-in response was in the address"],
  };
  for (const [path, [status, heading]] of Object.entries(strangers)) {
    const tab = await openTab();
    const answer = await tab.page.goto(`${listener}${path}`);
    assert.equal(answer.status(), status, path);
    assert.match(await tab.page.innerText("h1"), new RegExp(heading));
    assert.match(await tab.page.innerText("main"), /Still waiting for the sign-in/);
    assertUneventful(tab, { status });
    await tab.context.close();
  }

  // A page of another origin posts a forged response.
  const forger = await openTab();
  await forger.page.goto(emulator.httpUrl);
  await forger.page.setContent(
    `<form method="post" action="${listener}/"><input name="code" value="x"><input name="state" value="y"></form>`,
  );
  const forged = forger.page.waitForResponse(`${listener}/`);
  await forger.page.evaluate(() => document.forms[0].submit());
  assert.equal((await forged).status(), 400);
  await forger.page.getByRole("heading", { name: "This is not the response to the sign-in" }).waitFor();
  await forger.context.close();

  const tab = await openTab();
  await tab.page.goto(await run.start);
  await pick(tab.page, ada);
  await tab.page.waitForURL(`${listener}/`);
  assert.equal(await tab.page.title(), "You are signed in · acspass");
  const { code, stderr } = await run.ended;
  assert.equal(code, 0);
  for (const why of ["its method is not POST", "its path is not", "the response in its address", "of another sign-in"]) {
    assert.equal(stderr.split(why).length, 2, `${why}: once in ${stderr}`);
  }
  assertUneventful(tab);
  await tab.context.close();
});

test("a page of another site leads nowhere until the user says so", patience, async () => {
  const run = login();
  const start = await run.start;
  const { page, context } = await openTab();
  await page.goto(emulator.httpUrl);
  // By a script, as an image, in a frame: nothing that leads on.
  const seen = [];
  context.on("response", async (answer) => {
    if (answer.url() === start) seen.push(answer.status());
  });
  const tries = await page.evaluate(async (start) => {
    const script = await fetch(start, { mode: "no-cors" }).then(() => "fetched", () => "refused");
    return [script, await fetch(start, { mode: "cors" }).then(() => "fetched", () => "refused")];
  }, start);
  assert.equal(tries[1], "refused");
  await page.setContent(`<iframe src="${start}"></iframe><img src="${start}">`);
  await page.waitForLoadState();
  assert.ok(seen.every((status) => status === 403), `${seen}`);
  // As a page, it asks first.
  await Promise.all([page.waitForURL(start), page.evaluate((to) => location.assign(to), start)]);
  await page.getByRole("heading", { name: "Do you want to sign in?" }).waitFor();
  await page.getByRole("link", { name: "Continue to sign in" }).click();
  await pick(page, ada);
  await page.waitForURL(`${new URL(start).origin}/`);
  assert.equal(await page.title(), "You are signed in · acspass");
  const { code, stderr } = await run.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /a page of another site opened the sign-in page/);
  await context.close();
});

test("cookies of other localhost apps do not stand in the way", patience, async () => {
  const tab = await openTab();
  const cookies = [...Array(24).keys()].map((number) => `app${number}`);
  const value = "x".repeat(4000);
  await tab.context.addCookies(cookies.map((name) => ({ name, value, url: "http://localhost" })));
  await follow(login(), {
    walk: (page) => pick(page, ben),
    page: { title: "You are signed in · acspass", shows: ben },
    ends: { code: 0, says: ben },
  }, {}, tab);
});

// https://github.com/cli/cli/issues/616
test("a browser that is forced to https is named on the terminal", patience, async () => {
  const run = login();
  const start = await run.start;
  const { page, context } = await openTab();
  const forced = page.goto(start.replace("http:", "https:"));
  await assert.rejects(forced, /ERR_SSL_PROTOCOL_ERROR/);
  await run.saying(/with https[^]*chrome:\/\/net-internals\/#hsts[^]*--device-code/);
  await context.close();
  await follow(run, {
    walk: (page) => pick(page, ada),
    page: { title: "You are signed in · acspass", shows: ada },
    ends: { code: 0, says: ada },
  });
});

test("no command line of a browser that signs in carries a secret", patience, async () => {
  const home = newHome();
  const [note, go] = [join(home, "note"), join(home, "go")];
  const flags = ["--headless=new", "--no-first-run", `--user-data-dir=${home}/chromium`];
  if (process.getuid() === 0) flags.push("--no-sandbox");
  const script = [
    `printf '%s %s' $$ "$1" > '${note}.new'`,
    `mv '${note}.new' '${note}'`,
    `while [ ! -e '${go}' ]; do sleep 0.05; done`,
    `exec '${process.env.BROWSER_TESTS_CHROMIUM}' ${flags.join(" ")} "$1"`,
  ].join("; ");
  const run = acspass(["login", "--timeout", "50s", "--account", ben], {
    home,
    environment: { BROWSER: `sh -c "${script.replaceAll(/["$\\]/g, "\\$&")}" sh` },
  });
  const lines = new Set();
  let isOver = false;
  const watch = (async () => {
    for (; !isOver; await pause(5)) commandLines().forEach((line) => lines.add(line));
  })();
  while (!existsSync(note)) await pause(5);
  const [pid, start] = readFileSync(note, "utf8").split(" ");
  assert.match(start, /^http:\/\/localhost:\d+\/sign-in$/);
  const asked = new URL(await leadsTo(start)).searchParams;
  writeFileSync(go, "");
  const { code, stderr } = await run.ended;
  isOver = true;
  await watch;
  process.kill(Number(pid));
  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp(`Signed in as ${ben}`));
  const ofChromium = [...lines].filter((line) => line.includes(`${home}/chromium`));
  assert.ok(ofChromium.some((line) => line.includes(start)), "Chromium's own command line was read");
  for (const name of ["state", "nonce", "code_challenge"]) {
    for (const line of lines) assert.ok(!line.includes(asked.get(name)), `${name} in ${line}`);
  }
});

/** The command lines of all processes. */
function commandLines() {
  return readdirSync("/proc").flatMap((name) => {
    try {
      return [readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ")];
    } catch {
      // No process, or one that has ended.
      return [];
    }
  });
}

test("a code is entered on another device", patience, async () => {
  const run = login(["--device-code"]);
  const [, device] = await run.saying(/^ *page +(\S+)/m);
  const [, code] = await run.saying(/^ *code +(\S+)/m);
  const tab = await openTab();
  const { page } = tab;
  await page.goto(device);
  // As people type it, into the field that waits for it.
  await page.locator("#code:focus").waitFor();
  await page.keyboard.type(`${code.slice(0, 4)} ${code.slice(4)}`.toLowerCase());
  await page.keyboard.press("Enter");
  await pick(page, ben);
  await button(page, "Continue");
  await page.getByRole("heading", { name: "You have signed in" }).waitFor();
  const { code: exit, stderr } = await run.ended;
  assert.equal(exit, 0, stderr);
  assert.match(stderr, new RegExp(`Signed in as ${ben}`));
  assert.equal(page.url(), device);
  assertUneventful(tab);
  await tab.context.close();
});
