// Unmodified programs with hard-coded hosts under `acspass emulator exec --real-hosts`.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

test("@azure/identity and msal-node reach the emulator at the real hosts", async () => {
  const program = join(import.meta.dirname, "hard_coded_hosts.mjs");
  const words = ["emulator", "exec", "--real-hosts", "--", process.execPath, program];
  const { stdout } = await run(process.env.CONFORMANCE_ACSPASS, words, { timeout: 120_000 });
  const [identity, ...hosts] = stdout.trim().split("\n");
  assert.match(identity, /^8:acs:/);
  const names = ["login.microsoftonline.com", "login.windows.net", "sts.windows.net"];
  assert.deepEqual(
    hosts,
    names.map((name) => `${name} Bearer`),
  );
});
