// Browser apps: @azure/msal-browser and the Entra credential of @azure/communication-common, both
// unmodified, in pages of another origin than the emulator's. Chromium enforces CORS.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { startPages } from "./browser_app.mjs";
import { atTheEnd, mayBeAsked, openTab, patience, pick, startProgram } from "./world.mjs";

const ada = "ada@contoso.example";
const spa = "ac5ba55e-0c11-4000-8000-0000000000d1";
const desktop = "ac5ba55e-0c11-4000-8000-0000000000d2";
const clients = "https://communication.azure.com/clients/.default";
const hour = 3600;

const folder = mkdtempSync(join(tmpdir(), "browser-"));
atTheEnd(() => rmSync(folder, { recursive: true }));
const seed = join(folder, "seed.toml");
const redirects = [5, 4].flatMap((major) => [`http://localhost/redirect/${major}`, `http://localhost/${major}`]);
writeFileSync(seed, `
[[applications]]
name = "Browser app"
clientId = "${spa}"
platforms.spa = ${JSON.stringify(redirects)}

[[applications]]
name = "Desktop app"
clientId = "${desktop}"
platforms.native = ${JSON.stringify(redirects)}
`);
const emulator = await startProgram(["emulator", "--seed", seed, "--https-port=0", "--http-port=0"]);
const origin = await startPages();
mayBeAsked(origin, emulator.url);

/** Sends a request of the control API. */
async function control(method, path, body) {
  const response = await fetch(`${emulator.httpUrl}/_emulator/v1${path}`, {
    method,
    headers: { "x-acspass-emulator": "1", "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

/** The operations of Entra's requests so far, without those of pages. */
async function operations() {
  const { entries } = await control("GET", "/journal?limit=1000");
  return entries.map((entry) => entry.operation);
}

/** Moves the clocks of the emulator and of a page. */
async function advance(tab, seconds) {
  const { now } = await control("PUT", "/clock", { advanceSeconds: seconds });
  await tab.page.clock.setSystemTime(now);
}

/** Opens the app in a tab, with MSAL of this major version and this client id. */
async function openApp(major, clientId = spa) {
  await control("PUT", "/clock", { offsetSeconds: 0, frozen: false });
  // The emulator of this file has a certificate of its own authority.
  const tab = await openTab({ ignoreHTTPSErrors: true });
  const open = async () => {
    await tab.page.goto(`${origin}/${major}`);
    await start();
  };
  const start = () =>
    tab.page.evaluate(
      async ([clientId, authority, redirectUri]) => {
        const auth = { clientId, authority, knownAuthorities: [new URL(authority).host], redirectUri };
        globalThis.app = new msal.PublicClientApplication({ auth });
        await app.initialize();
      },
      [clientId, `${emulator.url}/${emulator.tenantId}`, `${origin}/redirect/${major}`],
    );
  await open();
  return Object.assign(tab, { start });
}

/** Signs in by a popup, on the emulator's page. */
async function signIn(tab, scope = clients) {
  const opened = tab.page.waitForEvent("popup");
  const signedIn = tab.page.evaluate(async (scope) => {
    const { account } = await app.loginPopup({ scopes: [scope] });
    app.setActiveAccount(account);
    return account.username;
  }, scope);
  const popup = await opened;
  await pick(popup, ada);
  assert.equal(await signedIn, ada);
}

/** Gets a token silently. Returns it, or the name and the code of the error. */
const silently = (tab, scope = clients) =>
  tab.page.evaluate(
    (scope) =>
      app.acquireTokenSilent({ scopes: [scope] }).then(
        ({ accessToken, fromCache }) => ({ accessToken, fromCache }),
        ({ name, errorCode }) => ({ name, errorCode }),
      ),
    scope,
  );

const count = (all, name) => all.filter((one) => one === name).length;

for (const major of [5, 4]) {
  test(`msal-browser ${major} signs in by a popup, refreshes, and ends after 24 hours`, patience, async () => {
    const tab = await openApp(major);
    const before = await operations();
    await signIn(tab);
    const first = await silently(tab);
    assert.equal(first.fromCache, true);
    const signedIn = (await operations()).slice(before.length);
    assert.equal(count(signedIn, "authorization_code"), 1);
    assert.equal(count(signedIn, "refresh_token"), 0);

    await advance(tab, 2 * hour);
    const second = await silently(tab);
    assert.equal(second.fromCache, false, JSON.stringify(second));
    assert.notEqual(second.accessToken, first.accessToken);
    const refreshed = (await operations()).slice(before.length);
    assert.equal(count(refreshed, "refresh_token"), 1);
    assert.equal(count(refreshed, "authorize"), count(signedIn, "authorize"), "no other sign-in");

    // A day after the sign-in the refresh token has ended, although it was used; the hidden frame
    // then finds no session.
    await advance(tab, 23 * hour);
    const ended = await silently(tab);
    assert.equal(ended.name, "InteractionRequiredAuthError", JSON.stringify(ended));
    assert.equal(ended.errorCode, "login_required");
    assert.ok(!tab.seen.complaints.some((text) => /CORS/.test(text)), `${tab.seen.complaints}`);
    await tab.context.close();
  });

  test(`msal-browser ${major} signs in by a redirect`, patience, async () => {
    const tab = await openApp(major);
    // Version 4 completes the sign-in on the redirect page itself.
    const redirectUri = major === 4 ? `${origin}/4` : `${origin}/redirect/5`;
    await Promise.all([
      tab.page.waitForURL(`${emulator.url}/**`),
      tab.page.evaluate(
        ([scope, redirectUri]) => void app.loginRedirect({ scopes: [scope], redirectUri }),
        [clients, redirectUri],
      ),
    ]);
    await pick(tab.page, ada);
    await tab.page.waitForURL((url) => url.origin === origin && url.pathname === `/${major}`);
    await tab.start();
    const username = await tab.page.evaluate(async () => {
      const { account } = await app.handleRedirectPromise();
      app.setActiveAccount(account);
      return account.username;
    });
    assert.equal(username, ada);
    const { fromCache } = await silently(tab);
    assert.equal(fromCache, true);
    await tab.context.close();
  });

  test(`msal-browser ${major} cannot use the registration of a desktop app`, patience, async () => {
    const tab = await openApp(major, desktop);
    const opened = tab.page.waitForEvent("popup");
    const refused = tab.page.evaluate((scope) => app.loginPopup({ scopes: [scope] }).catch(String), clients);
    await pick(await opened, ada);
    await refused;
    const { entries } = await control("GET", "/journal?limit=1000");
    const last = entries.filter((entry) => entry.operation === "authorization_code").at(-1);
    assert.match(last.reason, /AADSTS9002326/);
    assert.ok(tab.seen.complaints.some((text) => /CORS/.test(text)), `${tab.seen.complaints}`);
    await tab.context.close();
  });
}

test("the Entra credential of the SDK exchanges the token of the page", patience, async () => {
  const tab = await openApp(5);
  await signIn(tab);
  const exchange = () =>
    tab.page.evaluate(
      async ([endpoint, scope]) => {
        const sdk = await import("@azure/communication-common");
        const tokenCredential = {
          getToken: async (scopes) => {
            const { accessToken, expiresOn } = await app.acquireTokenSilent({ scopes: [scopes].flat() });
            return { token: accessToken, expiresOnTimestamp: expiresOn.getTime() };
          },
        };
        globalThis.credential ??= new sdk.AzureCommunicationTokenCredential({
          resourceEndpoint: endpoint,
          tokenCredential,
          scopes: [scope],
        });
        return (await credential.getToken()).token;
      },
      [emulator.url, clients],
    );
  const isValid = async (token) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${emulator.httpUrl}/emulator/whoami`, { headers })).status === 200;
  };
  const first = await exchange();
  assert.ok(await isValid(first));
  assert.equal(await exchange(), first);
  await advance(tab, 2 * hour);
  assert.ok(!(await isValid(first)));
  const second = await exchange();
  assert.notEqual(second, first);
  assert.ok(await isValid(second));
  const asked = await operations();
  assert.ok(count(asked, "preflight") >= 1, "the bearer header needs a preflight");
  assert.equal(tab.seen.complaints.length, 0, `${tab.seen.complaints}`);
  await tab.context.close();
});
