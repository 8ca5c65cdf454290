// Each member with its types; checked by tsc, and run by Node once compiled.

import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import {
  connectEmulator, startEmulator, programPath, Emulator, EmulatorError, SignInRefusedError,
  type Clock, type Fault, type JournalEntry, type SignedInUser, type User,
} from "acspass";
import { AcspassError, SignInNeededError, requestApproval, tokenRefresher } from "acspass/refresher";

async function main(): Promise<void> {
  const emulator: Emulator = await startEmulator({ tokenLife: "9m", strictVersions: false, timeoutMs: 60_000 });
  const texts: string[] = [
    emulator.url, emulator.authorityHost, emulator.authority, emulator.tenantId, emulator.clientId,
    emulator.connectionString, emulator.httpConnectionString, emulator.caFile ?? "", programPath(),
  ];
  if (!texts.every((text) => typeof text === "string" && text)) throw new Error(`an empty setting: ${texts}`);
  const user: SignedInUser = await emulator.signIn("ada@contoso.example", { consent: "accept", scopes: [] });
  for (const member of ["username", "objectId", "tenantId", "clientId", "accessToken", "refreshToken", "idToken"] as const) {
    if (typeof user[member] !== "string") throw new Error(member);
  }
  const refreshed: SignedInUser = await emulator.refresh(user);
  const seconds: number = refreshed.expiresIn;
  const id: number = await emulator.addFault("throttled", { route: "token", times: 2 });
  const faults: Fault[] = await emulator.faults();
  if (seconds !== 540 || faults[0]?.id !== id) throw new Error("the fault is not listed");
  await emulator.deleteFault(id);
  await emulator.clearFaults();
  const clock: Clock = await emulator.setClock({ advanceSeconds: 60 });
  if (clock.offsetSeconds !== 60 || (await emulator.clock()).frozen) throw new Error("clock");
  const entries: JournalEntry[] = await emulator.journal({ service: "entra", limit: 2 });
  if (entries.length !== 2 || entries[0].sequence > entries[1].sequence) throw new Error("journal");
  await emulator.clearJournal();
  const users: User[] = await emulator.users();
  const changed: User = await emulator.updateUser(users[0].username, { simulate: null, name: "A" });
  if (changed.name !== "A") throw new Error("user");
  await emulator.revokeSessions();
  const token: string = await emulator.forgeToken("communicationToken", { claims: { x: 1 } });
  const isAccepted: boolean = await emulator.isAccepted(token);
  const answer: unknown = await emulator.control("GET", "info");
  if (!isAccepted || !answer) throw new Error("control");
  await emulator.reset();
  const other: Emulator = await connectEmulator(emulator.url);
  try {
    await other.signIn("consent@contoso.example", { consent: "decline" });
  } catch (error) {
    if (!(error instanceof SignInRefusedError) || !(error instanceof EmulatorError)) throw error;
    const code: string | undefined = error.code;
    if (code !== "AADSTS65004" || error.error !== "access_denied" || !error.description) throw error;
  }
  await emulator.stop();

  const refresh = tokenRefresher({ url: "http://127.0.0.1:9", secret: async () => "x", onTrouble: console.error });
  const credential = new AzureCommunicationTokenCredential({ tokenRefresher: refresh });
  credential.dispose();
  try {
    const text: string = await refresh();
    throw new Error(text);
  } catch (error) {
    if (!(error instanceof AcspassError) || error instanceof SignInNeededError || error.kind !== "unreachable") throw error;
  }
  const controller = new AbortController();
  controller.abort();
  const page = requestApproval({ url: "http://127.0.0.1:9", onCode: (code: string) => console.log(code), signal: controller.signal });
  await page.then(() => { throw new Error("approved"); }, () => {});
  // @ts-expect-error: a constructor of one's own is not possible
  type Constructed = ConstructorParameters<typeof Emulator>;
  // @ts-expect-error: the button has two names
  const wrong: Parameters<Emulator["signIn"]>[1] = { consent: "perhaps" };
  void wrong;
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
