/** The reason why there is no token. */
export declare class AcspassError extends Error {
  /** A kind of acspass, such as `sign_in_needed` or `unreachable`. */
  readonly kind: string;
  /** The code of the service, if there is one. */
  readonly code?: string | null;
}

/** A user must sign in: `acspass login`. */
export declare class SignInNeededError extends AcspassError {}

export interface TokenRefresherOptions {
  /** The address of the token service, as `acspass serve` prints it. */
  url?: string;
  /** Returns the contents of the service's secret file; each run has another secret. */
  secret?: () => Promise<string>;
  /** The id of this page, if `secret` is a page's key: see `requestApproval`. */
  page?: string;
  /** The path of the service's Unix socket (Node only), which is tried first. */
  socket?: string;
  /** The account of the tokens; without it, the active account. */
  account?: string;
  /** Is called with the error that keeps a token from being replaced. */
  onTrouble?: (error: unknown) => void;
}

/** The part of an `AbortSignal` that the SDKs pass to a refresher. */
export interface RefresherSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/**
 * Returns the `tokenRefresher` of `AzureCommunicationTokenCredential`. Without `url`, it uses the service
 * that `acspass exec` names to the app.
 */
export declare function tokenRefresher(
  options?: TokenRefresherOptions,
): (abortSignal?: RefresherSignal) => Promise<string>;

/** Waits until the user approves this web page on the service's dashboard (`acspass serve --open`). */
export declare function requestApproval(options: {
  url: string;
  /** Is called with the code that the page shows: the user compares it with that of the dashboard. */
  onCode: (code: string) => void;
  /** Ends the wait. */
  signal?: AbortSignal;
}): Promise<{ page: string; secret: () => Promise<string> }>;
