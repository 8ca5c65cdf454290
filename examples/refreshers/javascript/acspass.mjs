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
 * In Node, `tokenRefresher()` uses the service that `acspass exec` names to the app, over its Unix socket
 * first. `exec --server` does so, and `exec` alone if `acspass serve` runs before it.
 *
 * @param url        where the service is, as `acspass serve` prints it
 * @param secret     gives the contents of the service's secret file; every run has another one
 * @param page       the id of this page, if `secret` is a page's key: see `requestApproval`
 * @param socket     the service's Unix socket (Node only), which is tried first: it is the file
 *                   `socket` beside the secret file, and no other user can listen there
 * @param account    whose tokens; without it, those of the active account
 * @param onTrouble  is told what keeps a token from being replaced
 */
export function tokenRefresher({ url, secret, page, socket, account, onTrouble = console.warn } = {}) {
  const service = url ? { url, secret, page, socket } : serviceOfExec();
  let last;
  return async (abortSignal) => {
    try {
      last = await ask({ ...service, account, abortSignal });
    } catch (error) {
      const left = last ? Date.parse(last.expiresOn) - Date.now() : 0;
      if (abortSignal?.aborted || left <= LAST_RESORT_MS) throw error;
      onTrouble(error);
    }
    return last.token;
  };
}

/** The service that `acspass exec` names to its command. */
function serviceOfExec() {
  const { ACSPASS_SERVE_URL: url, ACSPASS_SERVE_SECRET_FILE: file } = globalThis.process?.env ?? {};
  if (!url || !file) {
    throw new AcspassError({
      kind: "usage",
      message: "ACSPASS_SERVE_URL or ACSPASS_SERVE_SECRET_FILE is not set",
      hint: "Start the app with `acspass exec --server -- CMD`, in tests with "
        + "`acspass exec --emulator --server -- CMD`. In a web page, pass `url`.",
    });
  }
  return {
    url,
    secret: async () => (await import("node:fs/promises")).readFile(file, "utf8"),
    socket: file.replace(/[^/\\]*$/, "socket"),
  };
}

async function ask({ url, secret, page, socket, account, abortSignal }) {
  const address = new URL("token", `${url}/`);
  address.searchParams.set("min-validity", MIN_VALIDITY);
  if (account) address.searchParams.set("account", account);
  if (page) address.searchParams.set("page", page);
  const stop = new AbortController();
  const abort = () => stop.abort();
  const patience = setTimeout(abort, PATIENCE_MS);
  abortSignal?.addEventListener("abort", abort);
  if (abortSignal?.aborted) abort();
  try {
    // The file goes with the service, so that a missing one means the same as no answer.
    const key = (await secret()).trim();
    const answer = await throughSocket(socket, address, key, stop.signal)
      ?? await overTcp(address, key, page ? base64url(await sha256(key)) : key, stop.signal);
    if (answer.ok) return answer.body;
    const { error } = answer.body;
    const Refusal = error.kind === "sign_in_needed" ? SignInNeededError : AcspassError;
    throw new Refusal(error);
  } catch (cause) {
    if (cause instanceof AcspassError) throw cause;
    const message = `no response from the token service at ${address.origin}`;
    const hint = "Start the service with `acspass serve`. For a web page, approve its origin on the dashboard or with --allow-origin.";
    throw new AcspassError({ kind: "unreachable", message, hint }, { cause });
  } finally {
    clearTimeout(patience);
    abortSignal?.removeEventListener("abort", abort);
  }
}

/** The answer through the Unix socket; nothing if no service listens there. */
async function throughSocket(socketPath, address, key, signal) {
  if (!socketPath) return undefined;
  const { request } = await import("node:http");
  const headers = { host: "localhost", authorization: `Bearer ${key}` };
  const path = address.pathname + address.search;
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, headers, signal, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => (text += part));
      answer.on("error", reject);
      answer.on("end", () => {
        try {
          resolve({ ok: answer.statusCode === 200, body: JSON.parse(text) });
        } catch (error) {
          reject(error);
        }
      });
    });
    asked.on("error", (error) => {
      const isAbsent = ["ENOENT", "ECONNREFUSED"].includes(error.code);
      if (isAbsent) resolve(undefined);
      else reject(error);
    });
    asked.end();
  });
}

/** The answer over TCP, where another user's program may listen once the service is gone. So the
 * service first shows that it knows the secret; only then the secret is sent. */
async function overTcp(address, key, proven, signal) {
  const send = async (target, headers) => {
    const nonce = base64url(crypto.getRandomValues(new Uint8Array(32)));
    const answer = await fetch(target, {
      headers: { ...headers, "acspass-nonce": nonce },
      cache: "no-store",
      redirect: "error",
      signal,
    });
    const port = address.port || "80";
    if (!(await isProof(answer.headers.get("acspass-proof"), proven, port, nonce))) {
      throw new AcspassError({
        kind: "unreachable",
        message: `the program at ${address.origin} did not prove that it knows the secret: it is another program, or a run with another secret`,
        hint: "Start `acspass serve`, and read its secret file again.",
      });
    }
    return answer;
  };
  const page = address.searchParams.get("page");
  await send(new URL(page ? `healthz?page=${page}` : "healthz", address), {});
  const answer = await send(address, { authorization: `Bearer ${key}` });
  return { ok: answer.ok, body: await answer.json() };
}

/**
 * For a web page without the service's secret: makes a random key, and waits until the user approves
 * this page on the service's dashboard (`acspass serve --open`). The result is what `tokenRefresher`
 * takes as `secret` and `page`. The key is in this page's memory only: a page that is loaded again asks
 * again.
 *
 * The service proves that it knows the key's SHA-256. This function sends that hash to ask, and no
 * request after the approval has it: those have the hash's own SHA-256, with which nothing is proven.
 * Another program that has the service's port while the page asks can learn the hash.
 *
 * @param url     where the service is
 * @param onCode  is given the code that the page has to show: the user compares it with the dashboard's
 * @param signal  ends the waiting
 */
export async function requestApproval({ url, onCode, signal }) {
  const key = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const hash = await sha256(key);
  const verifier = base64url(hash);
  const page = base64url(await sha256(hash));
  onCode(codeOf(hash));
  // The browser does not let a page that is not approved read any answer.
  const send = async (name, value, headers = {}) => {
    const address = new URL("healthz", `${url}/`);
    address.searchParams.set(name, value);
    return fetch(address, { headers, cache: "no-store", redirect: "error", signal }).catch(() => null);
  };
  for (;;) {
    signal?.throwIfAborted();
    await send("ask", verifier);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    signal?.throwIfAborted();
    const nonce = base64url(crypto.getRandomValues(new Uint8Array(32)));
    const answer = await send("page", page, { "acspass-nonce": nonce });
    const port = new URL(url).port || "80";
    if (answer && await isProof(answer.headers.get("acspass-proof"), verifier, port, nonce)) {
      return { page, secret: async () => key };
    }
  }
}

/** The code of a key's hash: its first 40 bits as eight digits, without letters that look like one. */
function codeOf(hash) {
  const bits = hash.slice(0, 5).reduce((bits, byte) => bits * 256 + byte, 0);
  const digits = Array.from({ length: 8 }, (_, index) =>
    "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[Math.floor(bits / 32 ** (7 - index)) % 32]);
  return `${digits.slice(0, 4).join("")} ${digits.slice(4).join("")}`;
}

/** Whether `proof` is the HMAC-SHA-256 of this port and nonce under the secret. */
async function isProof(proof, key, port, nonce) {
  if (!/^[\w-]{43}$/.test(proof ?? "") || !key) return false;
  const utf8 = (text) => new TextEncoder().encode(text);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const hmac = await crypto.subtle.importKey("raw", utf8(key), algorithm, false, ["verify"]);
  const bytes = Uint8Array.from(atob(`${proof.replace(/-/g, "+").replace(/_/g, "/")}=`), (c) => c.charCodeAt(0));
  return crypto.subtle.verify("HMAC", hmac, bytes, utf8(`acspass-service-proof-v1\n${port}\n${nonce}`));
}

/** The SHA-256 of bytes, or of a text in UTF-8. */
async function sha256(value) {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
