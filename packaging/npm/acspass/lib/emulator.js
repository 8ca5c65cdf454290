// An emulator, and its control API.
"use strict";

const { EmulatorError } = require("./errors.js");
const { request } = require("./request.js");
const signIns = require("./sign_in.js");

class Emulator {
  #stop;

  constructor(info, environment, stop) {
    const [resource] = info.resources;
    this.url = info.httpUrl;
    this.authorityHost = info.httpsUrl ?? info.httpUrl;
    this.tenantId = info.tenants[0].id;
    this.authority = `${this.authorityHost}/${this.tenantId}`;
    this.clientId = info.applications[0].clientId;
    this.connectionString = resource.connectionString ?? resource.httpConnectionString;
    this.httpConnectionString = resource.httpConnectionString;
    this.caFile = environment.SSL_CERT_FILE;
    this.environment = environment;
    this.#stop = stop;
  }

  signIn(username = "ada@contoso.example", options = {}) {
    return signIns.signIn(this, username, options);
  }

  refresh(user) {
    return signIns.refresh(this, user);
  }

  authorize(url, answers = {}) {
    return signIns.authorize(this, url, answers);
  }

  async isAccepted(token) {
    const headers = { Authorization: `Bearer ${token}` };
    return (await request("GET", `${this.url}/emulator/whoami`, headers)).status === 200;
  }

  async addFault(name, options = {}) {
    return (await this.control("POST", "faults", { name, ...options })).id;
  }

  async faults() {
    return (await this.control("GET", "faults")).faults;
  }

  deleteFault(id) {
    return this.control("DELETE", `faults/${id}`);
  }

  clearFaults() {
    return this.control("DELETE", "faults");
  }

  clock() {
    return this.control("GET", "clock");
  }

  setClock(change) {
    return this.control("PUT", "clock", change);
  }

  async journal(filter = {}) {
    return (await this.control("GET", `journal?${new URLSearchParams(filter)}`)).entries;
  }

  clearJournal() {
    return this.control("DELETE", "journal");
  }

  async users() {
    return (await this.control("GET", "info")).users;
  }

  updateUser(username, changes) {
    return this.control("PATCH", `users/${encodeURIComponent(username)}`, changes);
  }

  revokeSessions(username) {
    return this.control("POST", "sessions/revoke", username ? { user: username } : {});
  }

  async forgeToken(kind, options = {}) {
    return (await this.control("POST", "tokens", { kind, ...options })).token;
  }

  reset() {
    return this.control("POST", "reset");
  }

  /** Calls the control API; returns the response's JSON, or nothing. */
  async control(method, path, body) {
    const headers = { "X-Acspass-Emulator": "1" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const url = `${this.url}/_emulator/v1/${path}`;
    const { status, text } = await request(method, url, headers, body && JSON.stringify(body));
    if (status < 300) return text ? JSON.parse(text) : undefined;
    throw new EmulatorError(`${method} ${path} failed with status ${status}: ${reason(text)}`);
  }

  async stop() {
    await this.#stop();
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
  }
}

function reason(text) {
  try {
    return JSON.parse(text).error.message;
  } catch {
    return "the response is no JSON of the emulator";
  }
}

module.exports = { Emulator };
