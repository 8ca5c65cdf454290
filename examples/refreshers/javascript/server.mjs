// A server for development that gives its own page a token. Run it with a token service of its own:
//
//   acspass exec --server -- node server.mjs
//
// It prints the address of the page. The address has a key, so that no other page and no other user of
// this machine gets a token. An app with a sign-in of its own checks its session in place of the key.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

import { tokenRefresher } from "./acspass.mjs";

const refresh = tokenRefresher(); // reads the variables that `exec --server` sets
const key = randomBytes(32).toString("base64url");
const digest = (text = "") => createHash("sha256").update(text).digest();

const page = `<!doctype html>
<html lang="en">
<title>A Teams user's token</title>
<link rel="icon" href="data:,">
<p>Waiting for a token.</p>
<script type="module" src="/page.js"></script>
`;
const script = new URL("page.js", import.meta.url);

const server = createServer(async ({ method, url, headers }, response) => {
  const own = `localhost:${server.address().port}`;
  const reply = (status, type, body) =>
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
  const json = (status, body) => reply(status, "application/json", JSON.stringify(body));

  if (headers.host !== own) return json(421, { error: `this is not ${own}` });
  if ((headers.origin ?? `http://${own}`) !== `http://${own}`) return json(403, { error: "another origin" });
  if (method !== "GET") return json(405, { error: "only GET" });
  if (url === "/") return reply(200, "text/html; charset=utf-8", page);
  try {
    if (url === "/page.js") return reply(200, "text/javascript; charset=utf-8", await readFile(script));
    if (url !== "/token") return json(404, { error: "no such page" });
    if (!timingSafeEqual(digest(headers.authorization), digest(`Bearer ${key}`)))
      return json(401, { error: "open the address that the server printed" });
    json(200, { token: await refresh() });
  } catch (error) {
    json(503, { error: error.message });
  }
});

server.listen(Number(process.env.PORT ?? 3000), "localhost", () =>
  console.log(`http://localhost:${server.address().port}/#${key}`));
