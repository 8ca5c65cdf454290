// Builds the npm packages of one version from files of this repository.
//
//   node packaging/npm/build.mjs OUT [PLATFORM=PROGRAM...]
//
// OUT gets `acspass-VERSION.tgz` and a package for each platform, such as
// `linux-x64=target/dist/acspass`. The platforms are the names in platforms.json. `npm publish FILE`
// publishes a file: the platforms' packages first.

import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "../..");
const read = (file) => readFileSync(join(root, file), "utf8");
const [out, ...programs] = process.argv.slice(2);
const platforms = JSON.parse(readFileSync(join(here, "platforms.json"), "utf8"));
const version = /^version = "(.+)"$/m.exec(read("Cargo.toml"))[1];
const repository = /^repository = "(.+)"$/m.exec(read("Cargo.toml"))?.[1];
const licences = ["LICENSE-APACHE", "LICENSE-MIT"];

if (!out) {
  console.error("usage: node packaging/npm/build.mjs OUT [PLATFORM=PROGRAM...]");
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const stage = mkdtempSync(join(tmpdir(), "acspass-npm-"));
try {
  for (const text of programs) {
    const [platform, program] = text.split(/=(.*)/s);
    if (!Object.hasOwn(platforms, platform) || !program) throw new Error(`invalid PLATFORM=PROGRAM \`${text}\``);
    pack(platformPackage(platform, program));
  }
  pack(mainPackage());
} finally {
  rmSync(stage, { recursive: true });
}

function mainPackage() {
  const folder = join(stage, "acspass");
  cpSync(join(here, "acspass"), folder, { recursive: true });
  const description = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  for (const platform of Object.keys(platforms)) description.optionalDependencies[`@acspass/${platform}`] = version;
  finish(folder, description);
  const source = read("examples/refreshers/javascript/acspass.mjs");
  const types = readFileSync(join(folder, "refresher.d.mts"), "utf8");
  writeFileSync(join(folder, "refresher.mjs"), source);
  writeFileSync(join(folder, "refresher.cjs"), commonJs(source));
  writeFileSync(join(folder, "refresher.d.cts"), types);
  return folder;
}

function platformPackage(platform, program) {
  const { os, cpu, libc } = platforms[platform];
  const folder = join(stage, platform);
  const name = os === "win32" ? "acspass.exe" : "acspass";
  mkdirSync(folder);
  copyFileSync(program, join(folder, name));
  chmodSync(join(folder, name), 0o755);
  writeFileSync(join(folder, "README.md"), `The program of [acspass](https://www.npmjs.com/package/acspass) for ${platform}.\n`);
  finish(folder, {
    name: `@acspass/${platform}`,
    description: `The program of acspass for ${platform}`,
    license: "MIT OR Apache-2.0",
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc], glibc: neededGlibc(program) }),
    files: [name, ...licences],
    preferUnplugged: true,
  });
  return folder;
}

/** Writes package.json with the members of each package, and the licences. */
function finish(folder, { name, version: _, ...description }) {
  const all = { name, version, ...description, ...(repository && { repository }) };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(all, null, 2)}\n`);
  for (const licence of licences) copyFileSync(join(root, licence), join(folder, licence));
}

/** Returns the newest glibc whose symbols the program names. */
function neededGlibc(program) {
  const text = readFileSync(program, "latin1");
  const versions = [...text.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
  return `2.${Math.max(...versions)}`;
}

/** Returns a module as CommonJS, for test runners that cannot load another one. */
function commonJs(source) {
  const declaration = /^export (?=(?:async )?(?:function|class) (\w+))/gm;
  const names = [...source.matchAll(declaration)].map(([, name]) => name);
  const body = source.replace(declaration, "").replace(/\bawait import\(/g, "await require(");
  if (/^(?:export|import) |\bimport\(/m.test(body)) throw new Error("acspass.mjs has an import or export of another form");
  return `"use strict";\n\n${body}\nmodule.exports = { ${names.join(", ")} };\n`;
}

function pack(folder) {
  const packed = execFileSync("npm", ["pack", folder, "--pack-destination", out, "--silent"], {
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  console.log(join(out, packed.trim()));
}
