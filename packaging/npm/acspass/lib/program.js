// The program of this platform, in one of the optional packages.
"use strict";

const NAME = process.platform === "win32" ? "acspass.exe" : "acspass";

/** Returns the name of this platform's package. */
function packageName() {
  return `@acspass/${process.platform}-${process.arch}`;
}

/** Returns the path of the program. */
function programPath() {
  const name = packageName();
  try {
    return require.resolve(`${name}/${NAME}`);
  } catch {
    const { optionalDependencies } = require("../package.json");
    const platform = `${process.platform}-${process.arch}`;
    if (!(name in optionalDependencies)) {
      const all = Object.keys(optionalDependencies).map((other) => other.replace("@acspass/", ""));
      throw new Error(`there is no program for ${platform}, only for ${all.join(", ")}: build it with cargo`);
    }
    throw new Error(
      `the package ${name} is not installed: repeat \`npm install\` on this machine, without --omit=optional` +
        (process.platform === "linux" ? "; on a Linux with musl instead of glibc, build acspass with cargo" : ""),
    );
  }
}

/** Returns a sentence if this system's glibc is older than that of the program. */
function glibcAdvice() {
  if (process.platform !== "linux") return undefined;
  const { glibc: needed } = require(`${packageName()}/package.json`);
  const present = process.report.getReport().header.glibcVersionRuntime;
  if (!needed || !present) return undefined;
  const number = (version) => Number(version.split(".")[0]) * 1000 + Number(version.split(".")[1]);
  if (number(present) >= number(needed)) return undefined;
  return `the program needs glibc ${needed}, and this system has ${present}: build acspass with cargo`;
}

module.exports = { glibcAdvice, programPath };
