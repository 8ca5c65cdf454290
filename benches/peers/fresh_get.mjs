// The job of a fresh `acspass get` with `@napi-rs/keyring`, as a whole process.
//
//     fresh_get.mjs store             stores the output of `acspass get -o json`
//     fresh_get.mjs                   prints the token, if it has ten minutes left

import { readFileSync } from "node:fs";
import { Entry } from "@napi-rs/keyring";

const entry = new Entry("bench", "node", { linux: { store: "secret-service" } });

if (process.argv[2] === "store") {
  entry.setPassword(readFileSync(0, "utf8"));
} else {
  const { token, expiresOn } = JSON.parse(entry.getPassword());
  if (Date.parse(expiresOn) - Date.now() < 600_000) throw new Error("the token expires soon");
  console.log(token);
}
