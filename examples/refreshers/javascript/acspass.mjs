// Fresh tokens from a running `acspass serve`, for the credential of Azure Communication Services.
// It needs no package: copy this file. It runs in Node and in browsers.

/** Why there is no token. `kind` is one of acspass's, such as "sign_in_needed" or "unreachable". */
export class AcspassError extends Error {
  name = "AcspassError";

  constructor({ kind, message, hint, code }, options) {
    super(hint ? `${message}: ${hint}` : message, options);
    this.kind = kind;
    this.code = code;
  }
}

/** Somebody has to sign in: `acspass login`. */
export class SignInNeededError extends AcspassError {
  name = "SignInNeededError";
}

// The SDK wants another token ten minutes before the end. One that has no more than that would be
// wanted anew at once.
const MIN_VALIDITY = "15m";
// What the service may take: it asks Entra ID and the resource, where its own token is too old.
const PATIENCE_MS = 60_000;
// A token with less left is no help any more.
const LAST_RESORT_MS = 60_000;

/**
 * What `AzureCommunicationTokenCredential` takes as its `tokenRefresher`.
 *
 * Where the service gives no token, the last one is given once more as long as it is good for more
 * than a minute: so the SDK asks again after half of that time. It never does after an error, which
 * in Node even ends the process where the SDK was the one who asked. `onTrouble` is told why.
 *
 * @param url        where the service is, as `acspass serve` prints it
 * @param secret     gives the contents of the service's secret file; every run has another one
 * @param account    whose tokens; without it, those of the active account
 * @param onTrouble  is told what keeps a token from being replaced
 */
export function tokenRefresher({ url, secret, account, onTrouble = console.warn }) {
  let last;
  return async (abortSignal) => {
    try {
      last = await ask({ url, secret, account, abortSignal });
    } catch (error) {
      const left = last ? Date.parse(last.expiresOn) - Date.now() : 0;
      if (abortSignal?.aborted || left <= LAST_RESORT_MS) throw error;
      onTrouble(error);
    }
    return last.token;
  };
}

async function ask({ url, secret, account, abortSignal }) {
  const address = new URL("token", `${url}/`);
  address.searchParams.set("min-validity", MIN_VALIDITY);
  if (account) address.searchParams.set("account", account);
  const stop = new AbortController();
  const abort = () => stop.abort();
  const patience = setTimeout(abort, PATIENCE_MS);
  abortSignal?.addEventListener("abort", abort);
  if (abortSignal?.aborted) abort();
  try {
    // The file goes with the service, so that a missing one means the same as no answer.
    const authorization = `Bearer ${(await secret()).trim()}`;
    const answer = await fetch(address, {
      headers: { authorization },
      cache: "no-store",
      redirect: "error",
      signal: stop.signal,
    });
    const body = await answer.json();
    if (answer.ok) return body;
    const Refusal = body.error.kind === "sign_in_needed" ? SignInNeededError : AcspassError;
    throw new Refusal(body.error);
  } catch (cause) {
    if (cause instanceof AcspassError) throw cause;
    const message = `the token service at ${address.origin} gave no answer`;
    const hint = "see that `acspass serve` runs; a web page's origin it must be told by --allow-origin";
    throw new AcspassError({ kind: "unreachable", message, hint }, { cause });
  } finally {
    clearTimeout(patience);
    abortSignal?.removeEventListener("abort", abort);
  }
}
