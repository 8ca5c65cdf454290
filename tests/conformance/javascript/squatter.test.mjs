// The refresher that apps copy, at an address where another program may listen: it sends the secret
// only to the service that shows that it knows it, and prefers the Unix socket.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const refreshers = join(process.env.CONFORMANCE_ROOT, "examples/refreshers/javascript");
const { requestApproval, tokenRefresher } = await import(join(refreshers, "acspass.mjs"));

const patience = { timeout: 60_000 };
const SECRET = "c2VjcmV0LW9mLXRoaXMtcnVu";
const TOKEN = { token: "a.b.c", expiresOn: "2099-01-01T00:00:00Z" };

/** A program that answers each request with the token and this proof, and notes what it receives. */
async function listening(t, where, proof) {
  const received = [];
  const server = createServer((request, response) => {
    received.push(request.headers);
    response.setHeader("connection", "close");
    const { searchParams } = new URL(request.url, "http://localhost");
    const nonce = request.headers["acspass-nonce"] ?? "";
    response.setHeader("acspass-proof", proof(nonce, server.address().port, searchParams));
    response.end(JSON.stringify(TOKEN));
  });
  server.listen(where);
  await once(server, "listening");
  const close = async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  t.after(() => server.listening && close());
  return { url: `http://127.0.0.1:${server.address().port}`, received, close };
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

test("a program that takes the port of the service that approved a page gets no key", patience, async (t) => {
  const asked = new Set();
  // As the service: it makes the proof with the value of a page that asked.
  const service = await listening(t, local, (nonce, port, query) => {
    for (const [, value] of query) asked.add(value);
    const sha256 = (text) => createHash("sha256").update(Buffer.from(text, "base64url")).digest("base64url");
    const page = query.get("page");
    const verifier = [...asked].find((value) => sha256(value) === page) ?? page;
    return verifier ? proofOf(verifier, port, nonce) : "";
  });
  const { url } = service;
  const approved = await requestApproval({ url, onCode: () => {} });
  assert.equal(await refresher({ url, ...approved })(), TOKEN.token);
  const key = await approved.secret();
  assert.equal(service.received.at(-1).authorization, `Bearer ${key}`);
  await service.close();

  // It knows each value of the requests that it receives.
  const port = Number(new URL(url).port);
  for (const value of ["page", "ask", "min-validity"]) {
    const squatter = await listening(t, { host: "127.0.0.1", port }, (nonce, port, query) =>
      proofOf(query.get(value) ?? "x", port, nonce));
    await assert.rejects(refresher({ url, ...approved })(), { kind: "unreachable" });
    assert.ok(squatter.received.length > 0);
    assert.ok(!JSON.stringify(squatter.received).includes(key));
    await squatter.close();
  }
});
