"use strict";

/** The emulator did not start, or it refused a request of this module. */
class EmulatorError extends Error {
  name = "EmulatorError";
}

/** The emulator's Entra ID refused a sign-in or a refresh. */
class SignInRefusedError extends EmulatorError {
  name = "SignInRefusedError";

  constructor(error, description) {
    super(description ? `${error}: ${description}` : error);
    this.error = error;
    this.description = description;
    this.code = /AADSTS\d+/.exec(description)?.[0];
  }
}

module.exports = { EmulatorError, SignInRefusedError };
