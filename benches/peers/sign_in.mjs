// The job of `acspass login` with msal, as a whole process: signs in with a browser, and writes the cache.
//
//     sign_in.mjs CACHE

import { execFileSync } from "node:child_process";
import { app, load, save, scopes } from "./entra.mjs";

const [file] = process.argv.slice(2);
load(file);
await app.acquireTokenInteractive({
  scopes,
  loginHint: "ada@contoso.example",
  openBrowser: async (url) => execFileSync(process.env.BROWSER, [url]),
});
save(file);
