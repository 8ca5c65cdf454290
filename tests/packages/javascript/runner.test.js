// Run by Jest: both entries load as CommonJS, and TLS works in its environment.

const { startEmulator } = require("acspass");
const { tokenRefresher } = require("acspass/refresher");

let emulator;
beforeAll(async () => { emulator = await startEmulator(); });
afterAll(() => emulator.stop());

test("a user signs in, and a consent is refused", async () => {
  expect((await emulator.signIn()).username).toBe("ada@contoso.example");
  const refused = emulator.signIn("consent@contoso.example", { consent: "decline" });
  await expect(refused).rejects.toMatchObject({ error: "access_denied", code: "AADSTS65004" });
});

test("TLS clients trust it", async () => {
  const response = await fetch(`${emulator.authority}/v2.0/.well-known/openid-configuration`);
  expect(response.status).toBe(200);
});

test("the refresher loads", () => {
  expect(() => tokenRefresher()).toThrow("ACSPASS_SERVE_URL");
});
