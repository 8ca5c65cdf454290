// The module of the package: each member of the emulator.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, beforeEach, test } from "node:test";
import { EmulatorError, SignInRefusedError, connectEmulator, programPath, startEmulator } from "acspass";
import { daemon } from "./daemon.mjs";

let emulator;
before(async () => { emulator = await startEmulator(); });
beforeEach(() => emulator.reset());
after(() => emulator.stop());

const refusal = (code) => (error) => error instanceof SignInRefusedError && error instanceof EmulatorError && error.code === code;

test("pages of a sign-in are answered", async () => {
  for (const name of ["ada", "consent", "mfa"]) {
    const user = await emulator.signIn(`${name}@contoso.example`);
    assert.equal(user.username, `${name}@contoso.example`);
    assert.equal((await emulator.users()).find(({ objectId }) => objectId === user.objectId).username, user.username);
  }
  assert.equal((await emulator.signIn()).username, "ada@contoso.example");
});

test("refused sign-ins have the code of the service", async () => {
  await assert.rejects(emulator.signIn("consent@contoso.example", { consent: "decline" }), refusal("AADSTS65004"));
  await assert.rejects(emulator.signIn("blocked@contoso.example"), refusal("AADSTS53003"));
  await assert.rejects(emulator.signIn("disabled@contoso.example"), refusal("AADSTS50057"));
  await assert.rejects(emulator.signIn("mfa@contoso.example", { code: "000000" }), /no_redirect: the page has the status 400/);
  await assert.rejects(emulator.signIn("ada@contoso.example", { clientId: "ac5ba55e-0000-4000-8000-000000000000" }), refusal("AADSTS700016"));
});

test("scopes are those that the sign-in asks for", async () => {
  const scope = "https://auth.msft.communication.azure.com/Teams.ManageChats";
  const { scopes } = await emulator.signIn("ada@contoso.example", { scopes: [scope] });
  assert.deepEqual(scopes.filter((name) => name.startsWith("https:")), [scope]);
});

test("a refresh gives other tokens until the sessions are revoked", async () => {
  const user = await emulator.signIn();
  const other = await emulator.refresh(user);
  assert.equal(other.objectId, user.objectId);
  assert.notEqual(other.accessToken, user.accessToken);
  await emulator.revokeSessions(user.username);
  await assert.rejects(emulator.refresh(other), refusal("AADSTS50173"));
});

test("faults are added, listed and deleted", async () => {
  const id = await emulator.addFault("throttled", { route: "token", times: 2, parameters: { seconds: 5 } });
  await emulator.addFault("service-unavailable", { route: "exchange" });
  assert.deepEqual((await emulator.faults()).map(({ name }) => name), ["throttled", "service-unavailable"]);
  await assert.rejects(emulator.signIn(), refusal("AADSTS90055"));
  await emulator.deleteFault(id);
  await emulator.signIn();
  await emulator.clearFaults();
  assert.deepEqual(await emulator.faults(), []);
  await assert.rejects(emulator.addFault("no-such-fault"), /POST faults failed with status 400: \$\.name/);
});

test("the clock decides whether a token is accepted", async () => {
  const token = await emulator.forgeToken("communicationToken", { scopes: ["chat"] });
  assert.ok(await emulator.isAccepted(token));
  assert.equal((await emulator.setClock({ advanceSeconds: 7200, frozen: true })).frozen, true);
  assert.equal((await emulator.clock()).frozen, true);
  assert.equal(await emulator.isAccepted(token), false);
  assert.equal(await emulator.isAccepted("no token"), false);
});

test("the journal has the reasons of refusals", async () => {
  await assert.rejects(emulator.signIn("blocked@contoso.example"));
  const [entry, ...others] = await emulator.journal({ outcome: "refused", limit: 5 });
  assert.deepEqual(others, []);
  assert.match(entry.reason, /AADSTS53003/);
  await emulator.clearJournal();
  assert.deepEqual(await emulator.journal(), []);
});

test("a user is changed", async () => {
  const changed = await emulator.updateUser("ada@contoso.example", { simulate: "locked", teamsLicence: false });
  assert.deepEqual([changed.simulate, changed.teamsLicence], ["locked", false]);
  await assert.rejects(emulator.signIn(), refusal("AADSTS50053"));
  await assert.rejects(emulator.updateUser("nobody", { name: "x" }), /PATCH users\/nobody failed with status 404/);
});

test("a token is forged", async () => {
  const token = await emulator.forgeToken("communicationToken", { signature: "bad" });
  assert.equal(await emulator.isAccepted(token), false);
});

test("its variables are those of `acspass emulator env`", async () => {
  const args = ["emulator", "--http-port", "0", "--https-port", "0", "-o", "json"];
  const { child, said } = await daemon(programPath(), args);
  const env = { ...process.env, ACSPASS_EMULATOR_URL: said.httpUrl };
  const printed = execFileSync(programPath(), ["emulator", "env", "-o", "json"], { env, encoding: "utf8" });
  child.kill();
  assert.deepEqual(Object.keys(emulator.environment).sort(), Object.keys(JSON.parse(printed)).sort());
});

test("acspass itself finds it by its variables", () => {
  const env = { ...process.env, ...emulator.environment, ACSPASS_STORE: "memory" };
  const output = execFileSync(programPath(), ["user", "create", "-o", "json"], { env, encoding: "utf8" });
  assert.match(JSON.parse(output).id ?? output, /8:acs:/);
});

test("a second one is another one", async () => {
  const other = await startEmulator({ tokenLife: "9m", strictVersions: true });
  assert.notEqual(other.url, emulator.url);
  assert.equal((await other.signIn()).expiresIn, 540);
  assert.deepEqual(await emulator.journal(), []);
  await other[Symbol.asyncDispose]();
  await assert.rejects(other.users(), EmulatorError);
});

test("an emulator that runs already is connected to, and not stopped", async () => {
  const other = await connectEmulator(emulator.url);
  await other.signIn();
  await other.stop();
  assert.notDeepEqual(await emulator.journal(), []);
  await assert.rejects(connectEmulator("http://localhost:9"), /no response from the emulator at http:\/\/localhost:9/);
  await assert.rejects(connectEmulator(), /acspass emulator exec/);
});
