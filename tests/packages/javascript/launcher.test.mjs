// `acspass` of the package: the program's arguments, streams, signals and exit codes, and one sentence if
// there is no program.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { programPath } from "acspass";
import { daemon, isGone } from "./daemon.mjs";

const installed = "node_modules/acspass";
const launcher = `${installed}/bin/acspass.js`;
const emulator = ["emulator", "--http-port", "0", "--https-port", "0", "-o", "json"];

function run(command, args, input = "") {
  const { status, signal, stdout, stderr } = spawnSync(command, args, { input, encoding: "utf8" });
  return { status, signal, stdout, stderr };
}

/** Runs a copy of the launcher without its platform's package. */
function runCopy(prepare) {
  const folder = mkdtempSync(join(tmpdir(), "acspass-copy-"));
  try {
    cpSync(installed, join(folder, installed), { recursive: true });
    const options = prepare(folder) ?? [];
    return run(process.execPath, [...options, join(folder, launcher), "version"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("arguments, standard input, both outputs and exit codes are those of the program", () => {
  for (const [args, input] of [
    [["version"]],
    [["inspect"], "not a token"],
    [["emulator", "exec", "--", "sh", "-c", "exit 42"]],
    [["config", "set", "no such setting", "a b 'c"]],
  ]) {
    assert.deepEqual(run(process.execPath, [launcher, ...args], input), run(programPath(), args, input));
  }
  assert.equal(run(launcher, ["emulator", "exec", "--", "sh", "-c", "exit 42"]).status, 42);
});

test("Ctrl-C ends npx acspass emulator", async () => {
  const { child, said } = await daemon("npx", ["acspass", ...emulator], { detached: true });
  const ended = once(child, "exit");
  // A terminal sends its signals to the group.
  process.kill(-child.pid, "SIGINT");
  await ended;
  await isGone(said.httpUrl);
});

for (const signal of ["SIGTERM", "SIGHUP"]) {
  test(`${signal} to the launcher reaches the program`, async () => {
    const { child, said } = await daemon(process.execPath, [launcher, ...emulator]);
    child.kill(signal);
    assert.deepEqual(await once(child, "exit"), [0, null]);
    await isGone(said.httpUrl);
  });
}

test("a signal that arrives while the program starts reaches it", () => {
  const { status, signal } = runCopy((folder) => {
    program(folder, "trap 'kill $!; exit 5' TERM; sleep 20 >/dev/null 2>&1 & kill -TERM $PPID; wait");
    const slow = join(folder, "slow.cjs");
    writeFileSync(slow, `const processes = require("node:child_process"), { spawn } = processes;
      processes.spawn = (...words) => {
        const child = spawn(...words);
        for (const end = Date.now() + 500; Date.now() < end;);
        return child;
      };`);
    return ["-r", slow];
  });
  assert.deepEqual([status, signal], [5, null]);
});

test("a program that a signal ends ends the launcher by that signal", () => {
  const { signal } = runCopy((folder) => program(folder, "kill -KILL $$"));
  assert.equal(signal, "SIGKILL");
});

test("a platform without a program is one sentence", () => {
  const { status, stderr } = runCopy((folder) => {
    const fake = join(folder, "fake.cjs");
    writeFileSync(fake, 'Object.defineProperty(process, "platform", { value: "sunos" });');
    return ["-r", fake];
  });
  assert.equal(status, 1);
  assert.match(stderr, /^acspass: there is no program for sunos-\S+, only for linux-x64, .*win32-x64: .*\n$/);
});

test("a package that was left out is one sentence", () => {
  const { status, stderr } = runCopy(() => {});
  assert.equal(status, 1);
  assert.match(stderr, /^acspass: the package @acspass\/\S+ is not installed: repeat `npm install`.*\n$/);
});

test("a glibc that is too old is one sentence, and each other failure is the program's own", () => {
  const isolated = (glibc) => runCopy((folder) => program(folder, "echo the loader >&2; exit 1", glibc));
  assert.match(isolated("2.99").stderr, /^the loader\nacspass: the program needs glibc 2\.99, and this system has .*\n$/);
  assert.equal(isolated("2.17").stderr, "the loader\n");
  assert.equal(isolated("2.17").status, 1);
});

test("the program of the package needs no newer glibc than its description says", () => {
  const name = `@acspass/${process.platform}-${process.arch}`;
  const { glibc, os, cpu, version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  assert.match(glibc, /^2\.\d+$/);
  assert.deepEqual([os, cpu], [[process.platform], [process.arch]]);
  assert.equal(run(programPath(), ["version"]).stdout, `acspass ${version}\n`);
});

test("the packages have no install script and no dependency but the programs of their own version", () => {
  const { version, scripts, dependencies, optionalDependencies } = JSON.parse(readFileSync(`${installed}/package.json`));
  assert.deepEqual([scripts, dependencies], [undefined, undefined]);
  for (const [name, wanted] of Object.entries(optionalDependencies)) {
    assert.match(name, /^@acspass\//);
    assert.equal(wanted, version);
  }
});

/** Puts a script where the program of this platform is looked for. */
function program(folder, script, glibc) {
  const name = `@acspass/${process.platform}-${process.arch}`;
  const own = join(folder, "node_modules", name);
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, "package.json"), JSON.stringify({ name, version: "0.0.0", glibc }));
  writeFileSync(join(own, "acspass"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(own, "acspass"), 0o755);
}
