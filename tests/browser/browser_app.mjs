// A page with @azure/msal-browser, as a browser app has it, and the server of its files.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { atTheEnd } from "./world.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const types = { ".html": "text/html", ".mjs": "text/javascript", ".js": "text/javascript" };

/** The packages' own files, each loaded as it is published. */
const libraries = {
  5: "/node_modules/@azure/msal-browser/lib/msal-browser.min.js",
  4: "/node_modules/msal-browser-4/lib/msal-browser.min.js",
};

/** The import map of the example, which has every module of @azure/communication-common. */
const example = join(process.env.BROWSER_TESTS_ROOT, "examples/refreshers/javascript/browser/index.html");
const [importMap] = readFileSync(example, "utf8").match(/<script type="importmap">[^]*?<\/script>/);

const pageOf = (major) => `<!doctype html>
<html lang="en">
  <title>A browser app</title>
  <link rel="icon" href="data:,">
  ${importMap}
  <script src="${libraries[major]}"></script>
  <h1>A browser app</h1>
</html>`;

/** The redirect page of version 5, which hands the response to the page that waits for it. */
const bridge = `<!doctype html>
<html lang="en">
  <title>Redirect</title>
  <link rel="icon" href="data:,">
  <script src="/node_modules/@azure/msal-browser/lib/redirect-bridge/msal-redirect-bridge.min.js"></script>
  <script>msalRedirectBridge.broadcastResponseToMainFrame();</script>
</html>`;
/** The redirect page of version 4, which reads the address of its popup from outside. */
const blank = "<!doctype html><title>Redirect</title><link rel=\"icon\" href=\"data:,\">";

const pages = { "/5": pageOf(5), "/4": pageOf(4), "/redirect/5": bridge, "/redirect/4": blank };

/** Serves the pages. Returns their origin. */
export async function startPages() {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    response.setHeader("content-type", types[extname(path)] ?? "text/html");
    try {
      response.end(pages[path] ?? readFileSync(join(here, path)));
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  atTheEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${server.address().port}`;
}
