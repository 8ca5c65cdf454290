// How a browser gets into the dashboard without a secret on its command line.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { assertUneventful, atTheEnd, mayBeAsked, newHome, openTab, patience, serve } from "./world.mjs";

const isOpen = (page) => page.getByText("Running", { exact: true }).waitFor();

test("the start page opens the dashboard once", patience, async () => {
  const service = await serve();
  const start = await service.start();
  assert.equal(new URL(start).search, "");
  const first = await openTab();
  await first.page.goto(start);
  await isOpen(first.page);
  assertUneventful(first);
  const second = await openTab();
  await second.page.goto(start);
  await second.page.getByText("This link has expired").waitFor();
  assertUneventful(second, { status: 401 });
});

test("a page in a file opens the dashboard, with its cookie", patience, async () => {
  const service = await serve();
  const link = await service.link();
  const file = join(newHome(), "open.html");
  writeFileSync(file, `<!doctype html><meta http-equiv="refresh" content="0;url=${link}">`);
  const tab = await openTab();
  await tab.page.goto(pathToFileURL(file).href, { waitUntil: "commit" });
  await isOpen(tab.page);
  assert.equal(new URL(tab.page.url()).search, "");
  await tab.page.reload();
  await isOpen(tab.page);
});

test("a page of another site opens nothing, and spends nothing", patience, async () => {
  const service = await serve();
  const start = await service.start();
  const html = `
    <img src="${start}"><iframe src="${start}"></iframe>
    <script>fetch("${start}", { mode: "no-cors", credentials: "include" }).catch(() => {})</script>
    <a href="${start}">go</a><form method="post" action="${start}"><button>post</button></form>`;
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end(html);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atTheEnd(() => server.closeAllConnections() ?? server.close());
  const { port } = server.address();
  for (const host of ["127.0.0.1", "localhost"]) {
    const evil = `http://${host}:${port}/`;
    mayBeAsked(new URL(evil).origin);
    const tab = await openTab();
    for (const way of [(page) => page.getByRole("link").click(), (page) => page.getByRole("button").click()]) {
      const frame = tab.page.waitForResponse((answer) => answer.url() === start && answer.status() === 403);
      await tab.page.goto(evil);
      await frame;
      const answer = tab.page.waitForResponse((response) => response.request().isNavigationRequest()
        && response.frame() === tab.page.mainFrame() && response.url() === start);
      await way(tab.page);
      assert.equal((await answer).status(), 403);
    }
    assert.deepEqual(await tab.context.cookies(start), []);
  }
  const own = await openTab();
  await own.page.goto(start);
  await isOpen(own.page);
});

test("a page of another site that asks for the start page ahead of time opens and spends nothing", patience, async () => {
  const service = await serve();
  const start = await service.start();
  const rules = JSON.stringify({ prefetch: [{ source: "list", urls: [start], eagerness: "immediate" }] });
  const html = `<!doctype html><title>evil</title><script type="speculationrules">${rules}</script>`;
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end(html);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atTheEnd(() => server.closeAllConnections() ?? server.close());
  const evil = `http://127.0.0.1:${server.address().port}/`;
  mayBeAsked(new URL(evil).origin);
  const tab = await openTab();
  const session = await tab.context.newCDPSession(tab.page);
  await session.send("Preload.enable");
  const ended = new Promise((resolve) => {
    session.on("Preload.prefetchStatusUpdated", ({ status }) => {
      if (["Ready", "Success", "Failure"].includes(status)) resolve(status);
    });
  });
  await tab.page.goto(evil);
  assert.equal(await ended, "Failure");
  assert.deepEqual(await tab.context.cookies(start), []);
  const own = await openTab();
  await own.page.goto(start);
  await isOpen(own.page);
});
