// What another program at the service's port left in a browser while the service was down: it has
// no part in the dashboard.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { open } from "./dashboard.mjs";
import { assertUneventful, atTheEnd, mayBeAsked, openTab, patience, serve } from "./world.mjs";

const PLANTED = "the planted script ran";
const script = `globalThis.name = ${JSON.stringify(PLANTED)};`;
// A service worker for the whole origin, which answers each request itself.
const worker = `
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => event.respondWith(
  new Response(${JSON.stringify(`<script>${script}</script>planted`)}, { headers: { "content-type": "text/html" } })));
`;

/** A program at a free port that plants a worker, and caches of the paths of the page's parts. */
async function squat(port = 0) {
  const server = createServer((request, response) => {
    const [type, body] = {
      "/": ["text/html", `<script>navigator.serviceWorker.register("/worker.js")</script>waiting`],
      "/worker.js": ["text/javascript", worker],
    }[request.url] ?? ["text/javascript", script];
    response.writeHead(200, { "content-type": type, "cache-control": "max-age=86400" });
    response.end(body);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.closeAllConnections();
    server.close();
    if (server.listening) await once(server, "close");
  };
  atTheEnd(close);
  return { port: server.address().port, close };
}

/** A tab whose browser keeps what the squatter planted at both names of this machine. */
async function plantedTab({ port }) {
  const tab = await openTab();
  for (const host of ["127.0.0.1", "localhost"]) {
    const origin = `http://${host}:${port}`;
    mayBeAsked(origin);
    await tab.page.goto(`${origin}/`);
    for (const part of ["main.js", "page.js", "dashboard/main.js", "dashboard/page.js"]) {
      await tab.page.evaluate((path) => fetch(path).then((answer) => answer.text()), `/${part}`);
    }
    // The worker is in charge of the origin: it answers in the squatter's place.
    await tab.page.evaluate(() => navigator.serviceWorker.ready);
    await tab.page.goto(`${origin}/whatever`);
    await tab.page.getByText("planted").waitFor();
  }
  tab.seen.requests.length = 0;
  return tab;
}

test("a service worker and cached scripts at the service's port have no part in the dashboard", patience, async () => {
  const squatter = await squat();
  const tab = await plantedTab(squatter);
  await squatter.close();
  const service = await serve([], {}, squatter.port);
  assert.equal(service.url, `http://127.0.0.1:${squatter.port}`);

  await open(tab, service);
  const { page } = tab;
  assert.equal(await page.evaluate(() => navigator.serviceWorker.controller), null);
  assert.notEqual(await page.evaluate(() => globalThis.name), PLANTED);
  for (const request of tab.seen.requests) {
    const answer = await request.response();
    assert.ok(!answer.fromServiceWorker(), request.url());
    assert.notEqual(new URL(request.url()).port, `${squatter.port}`);
  }
  // The planted origin is another one: it reads nothing of the page's, and may ask for nothing.
  const foreign = await tab.context.newPage();
  await foreign.goto(`${service.url}/whatever`);
  await foreign.getByText("planted").waitFor();
  assert.equal(await foreign.evaluate(() => localStorage.length), 0);
  const [worker] = tab.context.serviceWorkers().filter((one) => one.url().startsWith(service.url));
  const asked = await worker.evaluate(
    (address) => fetch(`${address}dashboard/state`, { credentials: "include" }).then((answer) => answer.status, String),
    page.url(),
  );
  assert.match(`${asked}`, /Failed to fetch/);
  await tab.context.close();
});

test("an opening clears what is left at the dashboard's own origin", patience, async () => {
  const service = await serve();
  const tab = await openTab();
  await open(tab, service);
  const { page } = tab;
  await page.evaluate(async () => {
    localStorage.setItem("planted", "yes");
    await (await caches.open("planted")).put("/x", new Response("planted"));
  });
  const next = await tab.context.newPage();
  await next.goto(await service.link());
  await next.getByText("Running", { exact: true }).waitFor();
  const left = await next.evaluate(async () => [localStorage.getItem("planted"), await caches.keys()]);
  assert.deepEqual(left, [null, []]);
  assertUneventful(tab);
  await tab.context.close();
});

test("another tab of the dashboard's own origin finds no key", patience, async () => {
  const service = await serve();
  const tab = await openTab();
  await open(tab, service);
  const { page } = tab;
  const stored = () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]);
  assert.match(await page.evaluate(stored), /acspass-dashboard/);
  // As a page that was opened while another program had this port, and that is still open.
  const other = await tab.context.newPage();
  const planted = new URL("/planted", page.url()).href;
  await other.route(planted, (route) => route.fulfill({ body: "planted", contentType: "text/html" }));
  await other.goto(planted);
  assert.equal(await other.evaluate(() => origin), await page.evaluate(() => origin));
  assert.doesNotMatch(await other.evaluate(stored), /acspass-dashboard/);
  await tab.context.close();
});

for (const part of ["main.js", "page.js", "accounts.js"]) {
  test(`a ${part} that is not the service's own is not run`, patience, async () => {
    const service = await serve();
    const tab = await openTab();
    await tab.page.route(`**/${part}`, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: `${script}\n${await answer.text()}` });
    });
    const refused = tab.context.waitForEvent("console", (message) => /integrity/.test(message.text()));
    await tab.page.goto(await service.link());
    await refused;
    assert.notEqual(await tab.page.evaluate(() => globalThis.name), PLANTED);
    assert.equal(await tab.page.getByText("Running", { exact: true }).count(), 0);
    await tab.context.close();
  });
}
