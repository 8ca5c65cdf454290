// The refresher that apps copy, at an address where another program may listen: it sends the secret
// only to the service that shows that it knows it, and prefers the Unix socket.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const refreshers = join(process.env.CONFORMANCE_ROOT, "examples/refreshers/javascript");
const { tokenRefresher } = await import(join(refreshers, "acspass.mjs"));

const patience = { timeout: 60_000 };
const SECRET = "c2VjcmV0LW9mLXRoaXMtcnVu";
const TOKEN = { token: "a.b.c", expiresOn: "2099-01-01T00:00:00Z" };

/** A program that answers each request with the token and this proof, and notes what it receives. */
async function listening(t, where, proof) {
  const received = [];
  const server = createServer((request, response) => {
    received.push(request.headers);
    response.setHeader("acspass-proof", proof(request.headers["acspass-nonce"] ?? "", server.address().port));
    response.end(JSON.stringify(TOKEN));
  });
  server.listen(where);
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, received };
}

const proofOf = (secret, port, nonce) =>
  createHmac("sha256", secret).update(`acspass-service-proof-v1\n${port}\n${nonce}`).digest("base64url");
const refresher = (options) =>
  tokenRefresher({ secret: async () => SECRET, onTrouble: assert.fail, ...options });
const local = { host: "127.0.0.1", port: 0 };

test("a program that shows the proof receives the secret", patience, async (t) => {
  const service = await listening(t, local, (nonce, port) => proofOf(SECRET, port, nonce));
  assert.equal(await refresher(service)(), TOKEN.token);
  assert.equal(service.received.at(-1).authorization, `Bearer ${SECRET}`);
});

const squatters = {
  "none": () => "",
  "one of another secret": (nonce, port) => proofOf("another", port, nonce),
  "one of another port": (nonce, port) => proofOf(SECRET, port + 1, nonce),
  "one of another nonce": (nonce, port) => proofOf(SECRET, port, "A".repeat(43)),
};
for (const [name, proof] of Object.entries(squatters)) {
  test(`a program whose proof is ${name} receives nothing`, patience, async (t) => {
    const squatter = await listening(t, local, proof);
    await assert.rejects(refresher(squatter)(), { kind: "unreachable" });
    assert.equal(squatter.received.length, 1);
    assert.ok(!JSON.stringify(squatter.received).includes(SECRET));
    assert.equal(squatter.received[0].authorization, undefined);
  });
}

test("the Unix socket comes before the port", patience, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "acspass-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, "socket");
  const service = await listening(t, { path: socket }, () => "");
  const squatter = await listening(t, local, squatters.none);
  assert.equal(await refresher({ url: squatter.url, socket })(), TOKEN.token);
  assert.equal(squatter.received.length, 0);
});
