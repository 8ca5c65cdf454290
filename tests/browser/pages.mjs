// All pages for a browser, and the way to each. A new page is one more entry.

import { dashboardPages } from "./dashboard.mjs";
import { button, emulator, login, neverRedeeming, pick, prove } from "./world.mjs";

/** A tab at the emulator's sign-in page; returns the origin of the listener that waits. */
async function atSignIn({ page }, args) {
  const start = await login(args).start;
  // One of the pages submits itself before it is loaded.
  await page.goto(start, { waitUntil: "commit" });
  return new URL(start).origin;
}

/** A tab at the last page of a sign-in. */
async function atEnd(tab, walk, args) {
  const listener = await atSignIn(tab, args);
  await walk(tab.page);
  await tab.page.waitForURL(`${listener}/`);
}

/** A tab whose request the listener of a waiting sign-in rejects. */
async function turnedAway({ page }, path) {
  const start = await login().start;
  await page.goto(`${new URL(start).origin}${path}`);
}

/** A tab where the code of a waiting device has been entered. */
async function withCode({ page }) {
  const run = login(["--device-code"]);
  const [, code] = await run.saying(/^ *code +(\S+)/m);
  await page.goto(`${emulator.httpUrl}/devicelogin`);
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Next" }).click();
}

const authorize = `${emulator.httpUrl}/${emulator.tenantId}/oauth2/v2.0/authorize`;
const ada = "ada@contoso.example";
const ben = "ben@contoso.example";
const sorry = "Sorry, but we\u2019re having trouble signing you in.";

/** The last page of a user without permission or account. */
const leftAt = (user, number, heading = sorry) => ({
  heading,
  shows: `AADSTS${number}`,
  status: 400,
  reach: (tab) => atSignIn(tab, ["--account", user]),
});

/**
 * By the name of the screenshots: the way of a tab to the page, and the heading there.
 * `shows` distinguishes pages with the same heading; `status` is the status if it is not 200.
 */
export const pages = {
  ...dashboardPages,
  "emulator-front": {
    heading: "Emulator of Entra ID and ACS Identity",
    reach: ({ page }) => page.goto(emulator.httpUrl),
  },
  "emulator-requests": {
    heading: "Requests",
    shows: "Authenticated by",
    async reach({ page }) {
      const hint = `login_hint=${ada}&scope=openid&redirect_uri=http://localhost:1`;
      const query = `client_id=${emulator.clientId}&response_type=code&${hint}`;
      await fetch(`${authorize}?${query}`, { redirect: "manual" });
      await fetch(`${emulator.httpUrl}/identities?api-version=2023-10-01`, { method: "POST" });
      await page.goto(`${emulator.httpUrl}/_emulator/`);
      for (const operation of ["authorize", "create_identity"]) {
        await page.getByRole("listitem").filter({ hasText: operation }).first().click();
      }
      await page.getByText("Authenticated by").waitFor();
    },
  },
  "emulator-sign-in": {
    heading: "Pick an account",
    reach: (tab) => atSignIn(tab),
  },
  "emulator-sign-in-stranger": {
    heading: "Pick an account",
    reach: (tab) => atSignIn(tab, ["--account", "nobody.with.a.rather.long.name@somewhere.example"]),
  },
  "emulator-form-post": {
    heading: "Back to the app",
    async reach(tab) {
      // Its script submits the form at once; a response without content leaves the page open.
      await tab.page.route(/^http:\/\/localhost:\d+\/$/, (route) => route.fulfill({ status: 204 }));
      await atSignIn(tab, ["--account", ben]);
    },
  },
  "emulator-refused": {
    heading: sorry,
    shows: "AADSTS700016",
    status: 400,
    reach: ({ page }) => page.goto(`${authorize}?client_id=${emulator.objectId}`),
  },
  "emulator-sign-in-error-cases": {
    heading: "Pick an account",
    shows: "AADSTS53003",
    async reach(tab) {
      await atSignIn(tab);
      await tab.page.getByText("Test users for error cases").click();
    },
  },
  "emulator-consent": {
    heading: "Permissions requested",
    shows: "Teams.ManageCalls",
    reach: (tab) => atSignIn(tab, ["--account", "consent@contoso.example"]),
  },
  "emulator-admin-consent": {
    heading: "Need admin approval",
    shows: "AADSTS90094",
    reach: (tab) => atSignIn(tab, ["--account", "admin-consent@contoso.example"]),
  },
  "emulator-second-proof": {
    heading: "Verify your identity",
    reach: (tab) => atSignIn(tab, ["--account", "mfa@contoso.example"]),
  },
  "emulator-second-proof-wrong": {
    heading: "Verify your identity",
    shows: "That code did not work.",
    status: 400,
    async reach(tab) {
      await atSignIn(tab, ["--account", "mfa@contoso.example"]);
      await prove(tab.page, "000000");
    },
  },
  "emulator-blocked": leftAt("blocked@contoso.example", 53003, "You cannot access this right now"),
  "emulator-unassigned": leftAt("unassigned@contoso.example", 50105),
  "emulator-disabled": leftAt("disabled@contoso.example", 50057),
  "emulator-locked": leftAt("locked@contoso.example", 50053),
  "emulator-password-expired": leftAt("password-expired@contoso.example", 50055),
  "emulator-nobody": leftAt("nobody@contoso.example", 50034),
  "emulator-stranger": leftAt("stranger@fabrikam.example", 50020),
  "emulator-error": {
    heading: "AADSTS65004",
    shows: "learn.microsoft.com",
    reach: ({ page }) => page.goto(`${emulator.httpUrl}/error?code=65004`),
  },
  "emulator-signed-out": {
    heading: "You signed out.",
    reach: ({ page }) => page.goto(authorize.replace("authorize", "logout")),
  },
  "emulator-device-code": {
    heading: "Enter code",
    reach: ({ page }) => page.goto(`${emulator.httpUrl}/devicelogin`),
  },
  "emulator-device-wrong-code": {
    heading: "Enter code",
    status: 400,
    async reach({ page }) {
      await page.goto(`${emulator.httpUrl}/devicelogin`);
      await page.getByLabel("Code").fill("WRONG");
      await button(page, "Next");
    },
  },
  "emulator-device-sign-in": {
    heading: "Pick an account",
    reach: withCode,
  },
  "emulator-device-confirm": {
    heading: "Are you trying to sign in to Emulated app?",
    async reach(tab) {
      await withCode(tab);
      await pick(tab.page, ada);
    },
  },
  "emulator-device-signed-in": {
    heading: "You have signed in",
    async reach(tab) {
      await withCode(tab);
      await pick(tab.page, ada);
      await button(tab.page, "Continue");
    },
  },
  "emulator-device-declined": {
    heading: "You declined",
    async reach(tab) {
      await withCode(tab);
      await button(tab.page, "Cancel");
    },
  },
  "redirect-signed-in": {
    heading: "You are signed in",
    reach: (tab) => atEnd(tab, (page) => pick(page, ada)),
  },
  "redirect-cancelled": {
    heading: "Sign-in failed",
    reach: (tab) => atEnd(tab, (page) => button(page, "Cancel")),
  },
  "redirect-declined": {
    heading: "Sign-in failed",
    shows: "AADSTS65004",
    reach: (tab) =>
      atEnd(tab, (page) => button(page, "Decline"), ["--account", "consent@contoso.example"]),
  },
  "redirect-admin-approval": {
    heading: "Sign-in failed",
    shows: "AADSTS90094",
    reach: (tab) =>
      atEnd(tab, (page) => button(page, "Return to"), ["--account", "admin-consent@contoso.example"]),
  },
  "redirect-unfinished": {
    heading: "Sign-in did not finish",
    async reach({ page }) {
      const authority = await neverRedeeming();
      const run = login([], { authority: authority.url });
      await page.goto(await run.start);
      // The click ends when the listener responds, which the interrupt causes.
      await Promise.all([pick(page, ada), authority.asked.then(() => run.interrupt())]);
    },
  },
  "redirect-another-user": {
    heading: "Sign-in failed",
    reach: (tab) =>
      atEnd(tab, (page) => pick(page, ada), ["--account", ben, "--prompt", "select_account"]),
  },
  "redirect-stranger": {
    heading: "Page not found",
    status: 404,
    reach: (tab) => turnedAway(tab, "/elsewhere"),
  },
  "redirect-other-site": {
    heading: "Do you want to sign in?",
    status: 403,
    async reach({ page }) {
      const start = await login().start;
      await page.goto(emulator.httpUrl);
      await Promise.all([page.waitForURL(start), page.evaluate((to) => location.assign(to), start)]);
    },
  },
  "redirect-not-yet": {
    heading: "Still waiting for the sign-in",
    status: 405,
    reach: (tab) => turnedAway(tab, "/"),
  },
};
