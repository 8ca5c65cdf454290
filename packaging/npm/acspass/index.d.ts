export interface StartOptions {
  /** The path of a seed: data of your own (`acspass emulator init` writes one). */
  seed?: string;
  /** The lifetime of Entra tokens, such as `9m`. */
  tokenLife?: string;
  /** Refuse API versions that are newer than each known one. */
  strictVersions?: boolean;
  /** The path of another acspass program. */
  program?: string;
  /** The time to start, 30 s by default. */
  timeoutMs?: number;
}

/**
 * Starts a private emulator on free ports. It ends with `stop()`, and with this process. Until then this
 * process trusts its certificates, if this is Node 22.19, 24.5 or newer.
 */
export declare function startEmulator(options?: StartOptions): Promise<Emulator>;

/**
 * Connects to a running emulator. Without `url`, it is that of `acspass emulator exec -- CMD` around the
 * tests (`ACSPASS_EMULATOR_URL`).
 */
export declare function connectEmulator(url?: string): Promise<Emulator>;

/** Returns the path of the acspass program in this package. */
export declare function programPath(): string;

/** The input on the pages of a sign-in. */
export interface PageAnswers {
  /** The button on the consent page; `accept` by default. */
  consent?: "accept" | "decline";
  /** The code of the second factor; the right one by default. */
  code?: string;
}

export interface SignInOptions extends PageAnswers {
  /** The scopes beside `openid profile offline_access`; by default those of a Teams user. */
  scopes?: string[];
  clientId?: string;
  /** The id or the domain of the tenant. */
  tenant?: string;
}

/** The user and the tokens of a sign-in. */
export interface SignedInUser {
  username: string;
  objectId: string;
  tenantId: string;
  clientId: string;
  /** The Entra access token: `teamsUserAadToken` of the exchange. */
  accessToken: string;
  refreshToken: string;
  idToken: string;
  scopes: string[];
  expiresIn: number;
}

export interface FaultOptions {
  /** The route, such as `exchange`; without it, each route that can have the fault. */
  route?: string;
  /** The number of requests; 1 by default. */
  times?: number;
  /** The probability for each request, instead of `times`. */
  probability?: number;
  user?: string;
  resource?: string;
  clientId?: string;
  parameters?: Record<string, unknown>;
}

export interface Fault {
  id: number;
  name: string;
  [member: string]: unknown;
}

export interface Clock {
  now: string;
  offsetSeconds: number;
  frozen: boolean;
}

export interface ClockChange {
  /** Moves the clock; a negative number moves it back. */
  advanceSeconds?: number;
  /** Stops the clock, or lets it run on. */
  frozen?: boolean;
  /** Sets the clock to this time of RFC 3339. */
  now?: string;
  /** Sets the clock to the machine's time plus these seconds. */
  offsetSeconds?: number;
}

export interface JournalFilter {
  after?: number;
  operation?: string;
  service?: "entra" | "acs" | "emulator";
  status?: number;
  outcome?: "accepted" | "refused" | "pending";
  flow?: string;
  limit?: number;
}

export interface JournalEntry {
  sequence: number;
  time: string;
  method: string;
  path: string;
  operation: string;
  service: string;
  status: number;
  outcome: string;
  /** The reason of a refusal. */
  reason?: string;
  [member: string]: unknown;
}

export interface User {
  username: string;
  name: string;
  objectId: string;
  tenantId: string;
  teamsLicence: boolean;
  simulate?: string;
  note?: string;
}

export interface UserChanges {
  name?: string;
  /** The simulated condition, such as `disabled`; `null` is none. */
  simulate?: string | null;
  teamsLicence?: boolean;
}

export interface ForgedTokenOptions {
  /** Claims that replace those of the token; `null` removes one. */
  claims?: Record<string, unknown>;
  expired?: boolean;
  identity?: string;
  scopes?: string[];
  signature?: "none" | "bad" | "otherKey";
  user?: string;
  wrongAudience?: boolean;
}

/** An emulator of Entra ID and ACS, and its control API. */
export declare class Emulator {
  private constructor();
  /** The http address. */
  readonly url: string;
  /** The https address of its Entra ID. */
  readonly authorityHost: string;
  /** `authorityHost` with the tenant, as MSAL takes it. */
  readonly authority: string;
  readonly tenantId: string;
  readonly clientId: string;
  /** The connection string of its ACS resource. */
  readonly connectionString: string;
  /** The same with the http address, for clients that allow it. */
  readonly httpConnectionString: string;
  /** The path of a file with the system's certificates and the emulator's. */
  readonly caFile: string | undefined;
  /** The variables by which a child process finds the emulator. */
  readonly environment: Record<string, string>;

  /** Signs a user in without a browser; the first user by default. */
  signIn(username?: string, options?: SignInOptions): Promise<SignedInUser>;
  /** Requests new tokens with the refresh token. */
  refresh(user: SignedInUser): Promise<SignedInUser>;
  /** Opens the authorization URL of a client, as a browser does; returns the parameters of the redirect. */
  authorize(url: string, answers?: PageAnswers): Promise<Record<string, string>>;
  /** Returns whether the resource accepts a Communication access token. */
  isAccepted(token: string): Promise<boolean>;

  /** Adds a fault of the catalogue for the next requests; returns its id. */
  addFault(name: string, options?: FaultOptions): Promise<number>;
  /** Returns the faults that are left. */
  faults(): Promise<Fault[]>;
  deleteFault(id: number): Promise<void>;
  clearFaults(): Promise<void>;
  clock(): Promise<Clock>;
  setClock(change: ClockChange): Promise<Clock>;
  /** Returns the latest requests, oldest first. */
  journal(filter?: JournalFilter): Promise<JournalEntry[]>;
  clearJournal(): Promise<void>;
  users(): Promise<User[]>;
  updateUser(username: string, changes: UserChanges): Promise<User>;
  /** Revokes the refresh tokens of one user, or of all. */
  revokeSessions(username?: string): Promise<void>;
  /** Returns a token with any claims or with a fault. */
  forgeToken(
    kind: "entraAccessToken" | "idToken" | "communicationToken",
    options?: ForgedTokenOptions,
  ): Promise<string>;
  /** Returns to the state at the start. */
  reset(): Promise<void>;
  /** Calls any route of the control API; returns the response's JSON. */
  control(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Stops a private emulator. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The emulator did not start, or it refused a request of this module. */
export declare class EmulatorError extends Error {}

/** The emulator's Entra ID refused a sign-in or a refresh. */
export declare class SignInRefusedError extends EmulatorError {
  /** The error of OAuth, such as `access_denied`. */
  readonly error: string;
  readonly description: string;
  /** The code in the description, such as `AADSTS65004`. */
  readonly code: string | undefined;
}
