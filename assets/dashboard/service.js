// Sends requests to the service that this page came from.

/** An error response, or no response (status 0). */
export class Refusal extends Error {
  constructor(status, { message, hint, code }) {
    super(message);
    this.status = status;
    this.hint = hint;
    this.code = code;
  }
}

/** The session has ended; only another link helps. */
export class Over extends Refusal {}

// Cookies have no port: another program on this machine can see the cookie of this session, but
// nothing else. So the service gives its page a key, once, which only this tab's storage holds. Other
// tabs of this origin cannot read it: one that was opened while another program had this port may
// still run that program's code. Each session has a path of its own.
const SHELF = `acspass-dashboard ${location.pathname}`;
let key = shelf()?.getItem(SHELF) ?? null;

function shelf() {
  try {
    return sessionStorage;
  } catch {
    // Storage is forbidden: the key lives as long as this tab's page.
    return null;
  }
}

async function request(method, path, body, options) {
  const headers = { accept: "application/json" };
  if (key) headers["acspass-dashboard"] = key;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`.${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      redirect: "error",
      ...options,
    });
  } catch {
    throw new Refusal(0, {
      message: "The service has stopped",
      hint: "Apps get no tokens now. Start the service with `acspass serve --open`.",
    });
  }
  const read = await answer.json().catch(() => ({}));
  if (answer.ok) {
    // The next opening in this browser clears the storage.
    if (key) shelf()?.setItem(SHELF, key);
    return read;
  }
  const said = read.error ?? { message: `The service returned status ${answer.status}` };
  throw new (said.code === "DashboardClosed" ? Over : Refusal)(answer.status, said);
}

/** Gets the key of this page's session. */
export async function enter() {
  if (key) {
    try {
      await request("GET", "/dashboard/state");
      return;
    } catch (refusal) {
      if (!(refusal instanceof Over)) throw refusal;
      // An earlier run's, or another browser session's.
      key = null;
    }
  }
  ({ key } = await request("POST", "/dashboard/key"));
  shelf()?.setItem(SHELF, key);
}

export const get = (path) => request("GET", path);
export const post = (path, body = {}) => request("POST", path, body);
export const remove = (path, options) => request("DELETE", path, undefined, options);
