import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startEmulator } from "acspass";

let emulator;
before(async () => { emulator = await startEmulator(); });
beforeEach(() => emulator.reset());
after(() => emulator.stop());

test("a user signs in", async () => {
  const user = await emulator.signIn("ada@contoso.example");
  assert.equal(user.username, "ada@contoso.example");
});

test("consent is refused", async () => {
  const refused = emulator.signIn("consent@contoso.example", { consent: "decline" });
  await assert.rejects(refused, { error: "access_denied", code: "AADSTS65004" });
});
