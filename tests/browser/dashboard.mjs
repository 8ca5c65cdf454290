// The ways around the dashboard, and its states as pages to look at.

import { once } from "node:events";
import { get } from "node:http";

import { emulator, expectListener, openTab, pick, serve } from "./world.mjs";

export const ada = "ada@contoso.example";
export const ben = "ben@contoso.example";

/** Opens a service's dashboard in this tab. */
export async function open(tab, service) {
  const link = await service.link();
  const { origin } = new URL(link);
  await tab.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  await tab.page.goto(link);
  await tab.page.getByText("Running", { exact: true }).waitFor();
}

/** The tab that opens when `act` does what it does, at Entra's page. */
export async function popupOf({ context }, act) {
  const opened = context.waitForEvent("page");
  await act();
  const popup = await opened;
  await popup.waitForURL(/\/authorize\?/);
  expectListener(popup.url());
  return popup;
}

export const button = (page, name) => page.getByRole("button", { name });
export const card = (page, username) => page.getByRole("article", { name: username });

/** Begins to sign in, and returns the tab where that goes on. */
export const beginSignIn = (tab) =>
  popupOf(tab, () => tab.page.getByRole("button", { name: /^Sign in( with another account)?$/ }).click());

/** The connection string of the emulator's resource, with a key that it does not have. */
export const wrongKey = emulator.connectionString.replace(/accesskey=.*/, "accesskey=d29ydGhsZXNz");

/** Signs a user in, until the card shows what follows. */
export async function signIn(tab, username, then = /^Expires .*, in /) {
  const popup = await beginSignIn(tab);
  await pick(popup, username);
  await popup.getByRole("heading", { name: "You are signed in" }).waitFor();
  await popup.close();
  await card(tab.page, username).getByText(then).first().waitFor();
}

/** Generates an identity, and returns its id. */
export async function generate({ page }) {
  const list = page.locator("#identities > li");
  const before = await list.count();
  await button(page, "Generate").click();
  await list.nth(before).waitFor();
  return list.first().locator("code").innerText();
}

/** Grants a principal access, until the page says so. */
export async function grantAccess({ page }, objectId, said = `Granted access to ${objectId}`) {
  await page.getByLabel("Object id").fill(objectId);
  await button(page, "Grant access").click();
  await page.getByRole("status").getByText(said).waitFor();
}

/** A dashboard of its own, brought to a state. */
const reached = (act = () => {}, settings) => async (tab) => {
  await open(tab, await serve([], settings));
  await act(tab);
};

/** Asks for a token as a script of a page of this origin does. */
async function asks({ url }, origin, page) {
  const headers = { origin, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" };
  const [answer] = await once(get(`${url}/healthz${page ? `?ask=${page}` : ""}`, { headers }), "response");
  answer.resume();
}

const heading = "acspass";
const dialog = ({ page }) => page.locator("dialog[open]").waitFor();

/** As in `pages.mjs`. */
export const dashboardPages = {
  "dashboard-empty": { heading, reach: reached() },
  "dashboard-waiting": {
    heading,
    reach: reached(async (tab) => {
      await beginSignIn(tab);
      await tab.page.getByText("Waiting for the sign-in").waitFor();
    }),
  },
  "dashboard-signed-in": {
    heading,
    reach: reached(async (tab) => {
      await signIn(tab, ada);
      await signIn(tab, ben);
      await generate(tab);
      await button(tab.page, "Copy id").click();
      await tab.page.getByText("Copied the id of the identity").waitFor();
      await tab.page.getByRole("tab", { name: "JavaScript" }).click();
    }),
  },
  "dashboard-claims": {
    heading,
    reach: reached(async (tab) => {
      await signIn(tab, ada);
      await button(tab.page, "View claims").click();
      await dialog(tab);
    }),
  },
  "dashboard-confirm": {
    heading,
    reach: reached(async (tab) => {
      await signIn(tab, ada);
      await button(tab.page, "Sign out").click();
      await dialog(tab);
    }),
  },
  "dashboard-error": {
    heading,
    reach: reached(async (tab) => {
      const { page } = tab;
      const popup = await beginSignIn(tab);
      await button(popup, "Cancel").click();
      await page.locator("#sign-in").getByText("The sign-in was cancelled").waitFor();
      await page.getByLabel("chat Full access").uncheck();
      await page.getByLabel("voip Full access").uncheck();
      await button(page, "Generate").click();
      await page.getByText("No scope is selected").waitFor();
    }),
  },
  "dashboard-exchange-failed": {
    heading,
    reach: reached(async (tab) => {
      await signIn(tab, ada, /access key/);
    }, { COMMUNICATION_SERVICES_CONNECTION_STRING: wrongKey }),
  },
  "dashboard-no-active": {
    heading,
    reach: reached(async (tab) => {
      await signIn(tab, ada);
      await signIn(tab, ben);
      await button(card(tab.page, ben), "Sign out").click();
      await button(tab.page.getByRole("dialog"), "Sign out").click();
      await tab.page.getByText("No account is active").waitFor();
    }),
  },
  "dashboard-origins": {
    heading,
    async reach(tab) {
      const service = await serve(["--allow-origin", "https://app.contoso.com"]);
      await open(tab, service);
      await asks(service, "http://localhost:3000", "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM");
      await tab.page.getByText("Web pages that ask for tokens").waitFor();
      await button(tab.page, "Approve permanently").click();
      await button(tab.page.getByRole("dialog"), "Approve").click();
      await tab.page.getByText("Approved permanently, 1 page").waitFor();
      await asks(service, "https://teams.contoso.com");
      await asks(service, "http://localhost:5173", "MHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM");
      await tab.page.getByText("After the approval").waitFor();
    },
  },
  "dashboard-stopped": {
    heading,
    expected: /ERR_CONNECTION_REFUSED/,
    async reach(tab) {
      const service = await serve();
      await open(tab, service);
      await signIn(tab, ada);
      await service.stop();
      await tab.page.getByText("Stopped", { exact: true }).waitFor();
    },
  },
  "dashboard-access": {
    heading,
    reach: reached(async (tab) => {
      await grantAccess(tab, "aaaaaaaa-0000-4000-8000-0000000000b2");
      await button(tab.page, "List assignments").click();
      await tab.page.getByText("aaaaaaaa-0000-4000-8000-0000000000b2").last().waitFor();
      await button(tab.page, "Grant access").click();
      await tab.page.getByText("This is not an id").waitFor();
    }),
  },
  "dashboard-no-key": {
    heading,
    reach: reached(undefined, {
      COMMUNICATION_SERVICES_CONNECTION_STRING: undefined,
      COMMUNICATION_SERVICES_ENDPOINT: emulator.httpUrl,
    }),
  },
  "dashboard-closed": {
    heading: "The dashboard is not open here",
    status: 401,
    reach: async ({ page }) => page.goto((await serve()).url),
  },
  "dashboard-spent-link": {
    heading: "This link has expired",
    status: 401,
    async reach({ page }) {
      const service = await serve();
      const link = await service.link();
      const first = await openTab();
      await first.page.goto(link);
      await first.context.close();
      await page.goto(link);
    },
  },
};
