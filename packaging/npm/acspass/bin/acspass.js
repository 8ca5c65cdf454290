#!/usr/bin/env node
// Runs the program of this platform: the same arguments, streams, signals and exit code.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const { glibcAdvice, programPath } = require("../lib/program.js");

function fail(message) {
  process.stderr.write(`acspass: ${message}\n`);
  process.exit(1);
}

let path;
try {
  path = programPath();
} catch (error) {
  fail(error.message);
}
// Before the program starts, so that no signal finds this process without them. A terminal sends Ctrl-C to the
// program too. Each other signal reaches this process alone.
process.on("SIGINT", () => {});
for (const name of ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]) {
  if (name in constants.signals && process.platform !== "win32") {
    process.on(name, () => child.kill(name));
  }
}
const child = spawn(path, process.argv.slice(2), { stdio: "inherit" });
child.on("error", (error) => fail(`could not run ${path}: ${error.code}`));
child.on("exit", (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    return;
  }
  const advice = code === 1 && glibcAdvice();
  if (advice) fail(advice);
  process.exitCode = code;
});
