// A person uses the dashboard of the real program: signs in and out, copies tokens, makes and
// removes identities, with the mouse and without.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";

import {
  ada, ben, beginSignIn, button, card, generate, open, popupOf, signIn, wrongKey,
} from "./dashboard.mjs";
import { assertUneventful, openTab, patience, pick, serve } from "./world.mjs";

/** A dashboard of its own, with all that the service answered to it but tokens. */
async function dashboard(settings) {
  const service = await serve([], settings);
  const tab = await openTab();
  const answers = [];
  tab.page.on("response", (response) => answers.push(response));
  await open(tab, service);
  return { ...tab, service, tab, answers };
}

const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

/** The texts in which a token has no business: the page, what it keeps, and what it was told. */
async function placesOf({ page, answers }) {
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  const shown = await page.evaluate(() => document.documentElement.outerHTML);
  const fields = await page.evaluate(() => [...document.querySelectorAll("input")].map((one) => one.value).join());
  const told = answers.filter((answer) => /\/dashboard\/|\/$/.test(new URL(answer.url()).pathname) && answer.ok());
  assert.ok(told.length > 3, "the page asked for nothing");
  // What a redirect or a replaced document carried is not kept by the debugger.
  const bodies = await Promise.all(told.map((answer) => answer.text().catch(() => "")));
  return [page.url(), kept, shown, fields, ...bodies];
}

const seconds = (text) => text.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);

test("a user signs in, is counted down, copied, looked at and signed out", patience, async () => {
  const all = await dashboard();
  const { page, tab, service } = all;
  await signIn(tab, ada);
  const shown = card(page, ada);

  const clock = shown.locator(".ring b");
  const first = seconds(await clock.innerText());
  assert.ok(first > 600 && first < 24 * 3600, `${first} s`);
  await page.waitForFunction(
    ([text]) => document.querySelector(".ring b").textContent !== text,
    [await clock.innerText()],
  );
  assert.ok(seconds(await clock.innerText()) < first);
  await shown.getByText("Refreshed automatically at").waitFor();

  await button(shown, "Copy token").click();
  await page.getByText(/^Copied the token, which expires in 1 h \d+ min$/).waitFor();
  const token = await copied(page);
  assert.equal(token, (await service.ask("/token")).token);
  for (const place of await placesOf(all)) assert.ok(!place.includes(token.slice(0, 60)), place);

  await button(shown, "View claims").click();
  const claims = page.getByRole("dialog", { name: "Token claims" });
  const { exp } = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
  await claims.getByRole("row", { name: `exp ${exp}` }).waitFor();
  await button(claims, "Close").click();

  await button(shown, "Sign out").click();
  await button(page.getByRole("dialog"), "Cancel").click();
  assert.equal((await service.ask("/token")).status, 200);
  await button(shown, "Sign out").click();
  await button(page.getByRole("dialog"), "Sign out").click();
  await page.getByRole("heading", { name: "No account is signed in" }).waitFor();
  await page.getByRole("status").getByText(`Signed out ${ada}`).waitFor();
  assert.deepEqual((await service.ask("/status")).accounts, []);
  const events = page.getByRole("list", { name: "Recent events" });
  for (const what of [`Signed in ${ada}`, `Token of ${ada} returned to an app`, `Signed out ${ada}`]) {
    await events.getByText(what).waitFor();
  }
  assertUneventful(tab);
  await tab.context.close();
});

test("of two users one is active, and the page follows other processes", patience, async () => {
  const { page, tab, service } = await dashboard();
  await signIn(tab, ada);
  await signIn(tab, ben);
  await card(page, ben).getByText("Active", { exact: true }).waitFor();
  await button(card(page, ada), "Make active").click();
  await card(page, ada).getByText("Active", { exact: true }).waitFor();
  assert.equal((await service.ask("/token")).account.username, ada);
  // An app asks: the page tells so by itself.
  await page.getByText(`Token of ${ada} returned to an app`).waitFor();
  assertUneventful(tab);
  await tab.context.close();
});

test("an identity is made, its token copied and revoked, and it is deleted", patience, async () => {
  const all = await dashboard();
  const { page, tab, service } = all;
  await page.getByLabel("voip Full access").uncheck();
  await page.getByLabel("Expires in").selectOption("1 hour");
  const id = await generate(tab);
  assert.match(id, /^8:acs:/);
  const row = page.locator("#identities > li");
  assert.match(await row.innerText(), /Scopes: chat. Expires .*, in /);

  await button(row, "Copy token").click();
  await page.getByText(/^Copied the token, which expires in (59 min|1 h)$/).waitFor();
  const token = await copied(page);
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
  assert.ok(id.endsWith(claims.skypeid.replace(/^acs:/, "")), claims.skypeid);
  for (const place of await placesOf(all)) assert.ok(!place.includes(token.slice(0, 60)), place);
  await button(row, "Copy id").click();
  await page.getByText("Copied the id of the identity").waitFor();
  assert.equal(await copied(page), id);

  await button(row, "Revoke tokens").click();
  await button(page.getByRole("dialog"), "Cancel").click();
  await button(row, "Copy token").waitFor();
  await button(row, "Revoke tokens").click();
  await button(page.getByRole("dialog"), "Revoke").click();
  await row.getByText("Tokens revoked.").waitFor();
  await page.getByText("Tokens of an identity revoked").waitFor();
  await button(row, "Issue a token").click();
  await button(row, "Copy token").waitFor();

  // A reload forgets the token, and not the identity.
  await page.reload();
  await button(row, "Issue a token").waitFor();
  assert.equal(await row.locator("code").innerText(), id);

  await button(row, "Delete").click();
  await button(page.getByRole("dialog"), "Delete").click();
  await row.waitFor({ state: "detached" });
  await page.getByRole("status").getByText("Deleted the identity").waitFor();
  const again = await service.ask(`/identities/${encodeURIComponent(id)}/revoke`, { method: "POST" });
  assert.notEqual(again.status, 200);
  assertUneventful(tab);
  await tab.context.close();
});

test("a sign-in is cancelled on either page, and ends with the page that began it", patience, async () => {
  const { page, tab, service } = await dashboard();
  const popup = await beginSignIn(tab);
  await button(page, "Cancel").click();
  await page.getByRole("heading", { name: "No account is signed in" }).waitFor();
  const listener = new URL(new URL(popup.url()).searchParams.get("redirect_uri"));
  await assert.rejects(fetch(listener), "somebody still listens");
  await popup.close();

  const second = await beginSignIn(tab);
  await button(second, "Cancel").click();
  await page.locator("#sign-in").getByText("The sign-in was cancelled").waitFor();
  await button(page, "Dismiss").click();

  const third = await beginSignIn(tab);
  assert.notEqual((await service.ask("/dashboard/state")).signIn, null);
  await page.close();
  while ((await service.ask("/dashboard/state")).signIn !== null) {
    await third.waitForTimeout(50);
  }
  assertUneventful(tab);
  await tab.context.close();
});

test("by keyboard alone", patience, async () => {
  const { page, tab, service } = await dashboard();
  const reach = async (name) => {
    const focused = () => page.evaluate(() => document.activeElement.textContent);
    for (let presses = 0; !name.test(await focused()); presses += 1) {
      assert.ok(presses < 60, `no number of Tabs leads to ${name}`);
      await page.keyboard.press("Tab");
    }
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid", `${name} has no visible focus`);
  };
  await page.keyboard.press("Tab");
  await reach(/^Skip to the content$/);
  await reach(/^Sign in$/);
  const popup = await popupOf(tab, () => page.keyboard.press("Enter"));
  await pick(popup, ada);
  await popup.getByRole("heading", { name: "You are signed in" }).waitFor();
  await popup.close();
  await page.bringToFront();
  await card(page, ada).getByText(/^Expires .*, in /).first().waitFor();
  await reach(/^Copy token/);
  await page.keyboard.press("Enter");
  await page.getByText(/^Copied the token/).waitFor();
  assert.equal(await copied(page), (await service.ask("/token")).token);

  await reach(/^View claims/);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  // Back where it was.
  await reach(/^View claims/);

  await reach(/^Generate$/);
  await page.keyboard.press("Enter");
  await button(page, "Copy id").waitFor();
  await reach(/^Delete/);
  await page.keyboard.press("Space");
  // What cannot be undone is not what Enter does at once.
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Cancel");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await button(page, "Copy id").waitFor({ state: "detached" });
  assertUneventful(tab);
  await tab.context.close();
});

test("a link opens one browser, and its cookie alone opens nothing", patience, async () => {
  const { page, tab, context, service } = await dashboard();
  const address = new URL(page.url());
  assert.notEqual(address.port, new URL(service.url).port, "it is an origin of its own");
  assert.match(address.href, /^http:\/\/localhost:\d+\/[\w-]{22}\/$/);
  const session = await context.newCDPSession(page);
  const { entries } = await session.send("Page.getNavigationHistory");
  assert.ok(entries.every(({ url }) => !url.includes("ticket")), JSON.stringify(entries));
  const [cookie, ...others] = await context.cookies();
  assert.deepEqual(others, []);
  const { httpOnly, sameSite, path, expires, domain } = cookie;
  assert.deepEqual(
    { httpOnly, sameSite, path, expires, domain },
    { httpOnly: true, sameSite: "Strict", path: address.pathname, expires: -1, domain: "localhost" },
  );
  assert.equal(await page.evaluate(() => document.cookie), "");
  await page.reload();
  await page.getByText("Running", { exact: true }).waitFor();
  assertUneventful(tab);

  // As another program on this computer may do that the browser talked to at another port.
  const thief = await openTab();
  await thief.context.addCookies([cookie]);
  await thief.page.goto(address.href);
  await thief.page.getByText("another tab or browser has it").waitFor();
  assert.equal(await thief.page.getByText("No account is signed in").count(), 0);
  await thief.context.close();
  await tab.context.close();
});

test("a second opening in one browser leaves the first, and nothing is refused", patience, async () => {
  const { page, tab, context, service } = await dashboard();
  const second = await context.newPage();
  await second.goto(await service.link());
  await second.getByText("Running", { exact: true }).waitFor();
  assert.notEqual(second.url(), page.url());
  // The opening cleared the storage; the first page puts its key back with its next request.
  const kept = () => Object.keys(sessionStorage).some((name) => name.endsWith(location.pathname));
  await page.waitForFunction(kept);
  for (const one of [page, second]) {
    await one.reload();
    await one.getByText("Running", { exact: true }).waitFor();
    assert.match(await one.getByRole("list", { name: "Recent events" }).innerText(), /No events yet/);
  }
  assertUneventful(tab);
  await tab.context.close();
});

test("the card says why the resource gave no token", patience, async () => {
  const { page, tab } = await dashboard({ COMMUNICATION_SERVICES_CONNECTION_STRING: wrongKey });
  await signIn(tab, ada, /access key/);
  const notice = card(page, ada).locator(".notice");
  assert.match(await notice.innerText(), /access key/);
  // In the card, and not in a message that passes.
  assert.equal(await page.locator("#alerts").innerText(), "");
  assertUneventful(tab);
  await tab.context.close();
});

test("the card names the host that could not be reached", patience, async () => {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address();
  free.close();
  const { page, tab } = await dashboard({
    COMMUNICATION_SERVICES_CONNECTION_STRING: `endpoint=http://localhost:${port}/;accesskey=d29ydGhsZXNz`,
  });
  await signIn(tab, ada, new RegExp(`could not connect to localhost:${port}`, "i"));
  assert.match(await card(page, ada).locator(".notice strong").innerText(), new RegExp(`could not connect to localhost:${port}`, "i"));
  assertUneventful(tab);
  await tab.context.close();
});

test("what is wrong with a field is said beside it", patience, async () => {
  const { page, tab } = await dashboard();
  const identity = page.getByLabel("Identity");
  const scopes = page.getByRole("group", { name: "Scopes" });
  for (const name of ["chat", "voip"]) await page.getByLabel(`${name} Full access`).uncheck();
  await button(page, "Generate").click();
  await scopes.getByText("No scope is selected. Select at least one scope.").waitFor();
  assert.equal(await page.locator("#alerts").innerText(), "");
  assert.ok(await scopes.evaluate((field) => field.contains(document.activeElement)));

  await page.getByLabel("chat Full access").check();
  await identity.fill("nobody");
  await page.getByRole("button", { name: "Issue a token" }).click();
  await page.locator("#existing-error").getByText("nobody").waitFor();
  assert.equal(await page.locator("#scopes-error").innerText(), "");
  assert.equal(await page.locator("#alerts").innerText(), "");
  assert.ok(await identity.evaluate((field) => field === document.activeElement));
  assert.equal(await identity.getAttribute("aria-invalid"), "true");
  await identity.fill("");
  await generate(tab);
  assert.equal(await identity.getAttribute("aria-invalid"), null);
  assertUneventful(tab, { status: 400 });
  await tab.context.close();
});

test("the JavaScript that the page shows gives a token, and a first one", patience, async () => {
  const { page, tab, service } = await dashboard();
  await signIn(tab, ada);
  await page.getByRole("tab", { name: "JavaScript" }).click();
  const code = await page.locator("#use-code").innerText();
  assert.match(code, /token: await tokenRefresher\(\)/);
  assert.doesNotMatch(code, /null/);
  // All of it runs but the SDK, in whose place the options are printed.
  const runs = code
    .replace(/^import .* from "@azure.*$/m, "")
    .replace("new AzureCommunicationTokenCredential(", "console.log(JSON.stringify(")
    .replace(/\);$/, "));");
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", runs]);
  assert.equal(JSON.parse(stdout).token, (await service.ask("/token")).token);
  assertUneventful(tab);
  await tab.context.close();
});

test("a token is refreshed, no active account and a stopped service are shown", patience, async () => {
  const { page, tab, service } = await dashboard();
  await signIn(tab, ada);
  await signIn(tab, ben);
  await button(card(page, ben), "Refresh now").click();
  await page.getByRole("status").getByText(`Refreshed the token of ${ben}`).waitFor();
  await page.getByText(`New token for ${ben} (2 times)`).waitFor();
  assert.match(await card(page, ben).innerText(), /Scopes\s+chat, voip/);

  await page.getByRole("tab", { name: "curl" }).focus();
  for (const [name, text] of [["JavaScript", /tokenRefresher/], ["Python", /TokenRefresher/], ["C#", /AcspassTokens/], ["Shell", /acspass exec/]]) {
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), name);
    assert.equal(await page.getByRole("tab", { selected: true }).innerText(), name);
    assert.match(await page.getByRole("tabpanel", { name }).innerText(), text);
  }

  await button(card(page, ben), "Sign out").click();
  await button(page.getByRole("dialog"), "Sign out").click();
  await page.getByText("No account is active: apps get 401 now.").waitFor();
  assert.equal((await service.ask("/token")).status, 401);

  assertUneventful(tab);
  await service.stop();
  await page.getByText("The service has stopped.").waitFor();
  assert.equal(await page.locator("#columns :is(button, input, select):enabled").count(), 0);
  await tab.context.close();
});
