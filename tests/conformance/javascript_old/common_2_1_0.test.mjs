// @azure/communication-common 2.1.0, unmodified: it sends and signs a Host that names the port twice,
// and its credential refreshes tokens of that client. The suite of the newest packages runs with it too.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import {
  AzureCommunicationTokenCredential,
  createCommunicationAuthPolicy,
} from "@azure/communication-common";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { createHttpHeaders } from "@azure/core-rest-pipeline";

import * as world from "./world.mjs";

test("the identity client signs with this version", async () => {
  const require = createRequire(import.meta.resolve("@azure/communication-identity"));
  const path = require.resolve("@azure/communication-common");
  const root = path.slice(0, path.lastIndexOf("communication-common") + "communication-common".length);
  assert.equal(JSON.parse(readFileSync(`${root}/package.json`)).version, "2.1.0");
});

test("the port comes twice in what it sends", async () => {
  const { host, port } = new URL(world.emulator.url);
  const request = {
    url: `${world.emulator.url}/identities?api-version=2023-10-01`,
    method: "POST",
    headers: createHttpHeaders(),
  };
  const policy = createCommunicationAuthPolicy({ key: world.key });
  await policy.sendRequest(request, async () => ({}));
  assert.equal(request.headers.get("host"), `${host}:${port}`);
});

test("its credential refreshes a token", async () => {
  const client = new CommunicationIdentityClient(world.emulator.connectionString);
  const user = await client.createUser();
  const credential = new AzureCommunicationTokenCredential({
    tokenRefresher: async () => (await client.getToken(user, ["chat"])).token,
  });
  const { token } = await credential.getToken();
  credential.dispose();
  assert.ok(await world.isHonoured(token));
});
