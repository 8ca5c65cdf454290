// Requests to the emulator over http, through no proxy and without following a redirect.
"use strict";

const http = require("node:http");
const { EmulatorError } = require("./errors.js");

const TIMEOUT_MS = 30_000;

/** Sends a request; the response has `status`, `headers` and `text`. */
function request(method, url, headers = {}, body = "") {
  return new Promise((resolve, reject) => {
    const fail = (cause) => {
      reject(new EmulatorError(`no response from the emulator at ${new URL(url).origin}`, { cause }));
    };
    const options = { method, headers: { ...headers, "Content-Length": Buffer.byteLength(body) }, agent: false };
    const sent = http.request(url, options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => (text += part));
      response.on("error", fail);
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.setTimeout(TIMEOUT_MS, () => sent.destroy(new Error("timed out")));
    sent.on("error", fail);
    sent.end(body);
  });
}

/** Sends a form. */
function postForm(url, form) {
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  return request("POST", url, headers, new URLSearchParams(form).toString());
}

module.exports = { postForm, request };
