import assert from "node:assert/strict";
import test from "node:test";
import { control, decline, exchange, isAccepted, refresh, signIn } from "./emulator.mjs";

test("consent refused", () => assert.rejects(signIn("consent@contoso.example", decline), /AADSTS65004/));

test("licence missing", async () =>
  assert.rejects(exchange(await signIn("cleo@contoso.example")), { statusCode: 403 }));

test("throttled twice", async () => {
  await control("POST", "faults", { name: "throttled", route: "exchange", times: 2 });
  assert.ok(await isAccepted(await exchange(await signIn("ada@contoso.example"))));
});

test("token expires", async () => {
  const token = await exchange(await signIn("ada@contoso.example"));
  await control("PUT", "clock", { advanceSeconds: 7200 });
  assert.equal(await isAccepted(token), false);
});

test("revoked", async () => {
  const user = await signIn("ada@contoso.example");
  await control("POST", "sessions/revoke", { user: "ada@contoso.example" });
  await assert.rejects(refresh(user), /AADSTS50173/);
});
