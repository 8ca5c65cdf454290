// `acspass/refresher`: the file of examples/refreshers, as a module and as CommonJS.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { programPath } from "acspass";
import * as module from "acspass/refresher";
import { daemon } from "./daemon.mjs";

const common = createRequire(import.meta.url)("acspass/refresher");
let service;
before(async () => {
  service = await daemon(programPath(), ["serve", "--emulator", "--port", "0", "-o", "json"]);
  process.env.ACSPASS_SERVE_URL = service.said.url;
  process.env.ACSPASS_SERVE_SECRET_FILE = service.said.secretFile;
});
after(() => service.child.kill());

test("the module is the file to copy", () => {
  const example = readFileSync(`${process.env.PACKAGES_ROOT}/examples/refreshers/javascript/acspass.mjs`, "utf8");
  assert.equal(readFileSync("node_modules/acspass/refresher.mjs", "utf8"), example);
  assert.deepEqual(Object.keys(common).sort(), Object.keys(module).sort());
  for (const [name, value] of Object.entries(module)) assert.equal(common[name].name, value.name);
});

for (const [form, { tokenRefresher, AcspassError }] of Object.entries({ module, common })) {
  test(`a credential gets its tokens from the service (${form})`, async () => {
    const refresh = tokenRefresher();
    const credential = new AzureCommunicationTokenCredential({
      tokenRefresher: refresh, refreshProactively: true, token: await refresh() });
    assert.match((await credential.getToken()).token, /^eyJ/);
    credential.dispose();
    const secret = async () => readFileSync(service.said.secretFile, "utf8");
    assert.match(await tokenRefresher({ url: service.said.url, secret })(), /^eyJ/);
    const absent = tokenRefresher({ url: "http://127.0.0.1:9", secret: async () => "x" });
    await assert.rejects(absent(), (error) => error instanceof AcspassError && error.kind === "unreachable");
  });
}
