// The process of a private emulator: it ends with `stop`, and with the process that started it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { test } from "node:test";
import { EmulatorError, startEmulator } from "acspass";
import { daemon, isGone } from "./daemon.mjs";

/** A process that starts an emulator and prints its address. */
const starter = (then, options = {}) => {
  const script = `require("acspass").startEmulator().then((emulator) => {
    ${then}
    console.log(JSON.stringify({ url: emulator.url }));
  });`;
  return daemon(process.execPath, ["-e", script], options);
};

test("it ends with stop, which may be repeated", async () => {
  const emulator = await startEmulator();
  await emulator.stop();
  await emulator.stop();
  await isGone(emulator.url);
});

test("it ends if its process is killed", async () => {
  const { child, said } = await starter("setInterval(() => {}, 1000);");
  child.kill("SIGKILL");
  await isGone(said.url);
});

test("a process that does not stop it ends nevertheless", async () => {
  const { child, said } = await starter("");
  if (child.exitCode === null) assert.deepEqual(await once(child, "exit"), [0, null]);
  await isGone(said.url);
});

test("Ctrl-C lets the tests end first", async () => {
  const wait = `process.once("SIGINT", async () => {
    await emulator.signIn();
    await emulator.stop();
    process.exit(7);
  });
  setInterval(() => {}, 1000);`;
  const { child, said } = await starter(wait, { detached: true });
  process.kill(-child.pid, "SIGINT");
  assert.deepEqual(await once(child, "exit"), [7, null]);
  await isGone(said.url);
});

test("variables of the user lead it nowhere else", async () => {
  const foreign = { ACSPASS_LOG: "nonsense", NODE_OPTIONS: "--require=/no/such/file" };
  Object.assign(process.env, foreign);
  try {
    const emulator = await startEmulator();
    await emulator.signIn();
    await emulator.stop();
  } finally {
    for (const name of Object.keys(foreign)) delete process.env[name];
  }
});

test("a start that fails gives the program's reason", async () => {
  await assert.rejects(startEmulator({ seed: "/no/such/file" }), (error) => {
    assert.ok(error instanceof EmulatorError);
    assert.match(error.message, /^the emulator did not start: error: could not read the seed `\/no\/such\/file`/);
    return true;
  });
  await assert.rejects(startEmulator({ program: "/no/such/program" }), /did not start: spawn \/no\/such\/program ENOENT/);
});

test("a start that takes too long ends", async () => {
  const program = join(mkdtempSync(join(tmpdir(), "acspass-slow-")), "acspass");
  writeFileSync(program, "#!/bin/sh\nexec sleep 60\n");
  chmodSync(program, 0o755);
  await assert.rejects(startEmulator({ program, timeoutMs: 100 }), /did not start: timed out after 0\.1 s/);
});

test("its certificates are trusted while it runs", async () => {
  const before = tls.getCACertificates("default").length;
  const [first, second] = [await startEmulator(), await startEmulator()];
  for (const { authority } of [first, second]) {
    assert.equal((await fetch(`${authority}/v2.0/.well-known/openid-configuration`)).status, 200);
  }
  await first.stop();
  assert.equal((await fetch(`${second.authority}/v2.0/.well-known/openid-configuration`)).status, 200);
  await second.stop();
  assert.equal(tls.getCACertificates("default").length, before);
});

test("nothing is left in the home folder", () => {
  assert.deepEqual(readdirSync(homedir()).filter((name) => name !== ".npm"), []);
});
