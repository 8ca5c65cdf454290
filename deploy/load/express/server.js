// The same exchange in Express, with the official SDK, jsonwebtoken and jwks-rsa: the comparison of
// compare.py. It validates both tokens as the service does, and keeps no token. WORKERS above 1 makes it a
// cluster.
import cluster from "node:cluster";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import express from "express";
import jwt from "jsonwebtoken";
import jwksClient from "jwks-rsa";

const { AUTHORITY, TENANT, CLIENT, AUDIENCE, CONNECTION_STRING, PORT, WORKERS } = process.env;
const ACS = ["https://auth.msft.communication.azure.com", "https://auth.msft.communication.azure.com/"];
const issuers = [`${AUTHORITY}/${TENANT}/v2.0`, `${AUTHORITY}/${TENANT}/`];
const keys = jwksClient({ jwksUri: `${AUTHORITY}/${TENANT}/discovery/v2.0/keys`, cache: true, rateLimit: true });
const resource = new CommunicationIdentityClient(CONNECTION_STRING, { allowInsecureConnection: true });

const keyOf = (header, done) => keys.getSigningKey(header.kid, (error, key) => done(error, key?.getPublicKey()));

function validate(token, audience, scopes) {
  return new Promise((resolve, reject) => {
    const rules = { algorithms: ["RS256"], audience, issuer: issuers, clockTolerance: 60 };
    jwt.verify(token ?? "", keyOf, rules, (error, claims) => {
      const granted = claims?.scp?.split(" ") ?? [];
      const isValid = !error && claims.tid === TENANT && (claims.azp ?? claims.appid) === CLIENT
        && scopes.some((scope) => granted.includes(scope));
      if (isValid) resolve(claims);
      else reject(error ?? new Error("claims"));
    });
  });
}

const app = express();
app.use(express.urlencoded({ extended: false, limit: "128kb" }));
app.post("/v1/token", async (request, response) => {
  try {
    const bearer = request.headers.authorization?.replace(/^Bearer /i, "");
    const caller = await validate(bearer, AUDIENCE, ["access_as_user"]);
    const subject = await validate(request.body.subject_token, ACS, ["Teams.ManageCalls", "Teams.ManageChats"]);
    if (caller.oid !== subject.oid || caller.tid !== subject.tid) throw new Error("users");
    const issued = await resource.getTokenForTeamsUser({
      teamsUserAadToken: request.body.subject_token,
      clientId: subject.azp ?? subject.appid,
      userObjectId: caller.oid,
    });
    const life = Math.floor((issued.expiresOn - Date.now()) / 1000);
    response.json({ access_token: issued.token, token_type: "Bearer", expires_in: life });
  } catch (error) {
    response.status(401).json({ error: "invalid_token" });
  }
});
app.get("/readyz", (_, response) => response.json({}));

if (cluster.isPrimary && Number(WORKERS) > 1) {
  for (let worker = 0; worker < Number(WORKERS); worker += 1) cluster.fork();
} else {
  app.listen(Number(PORT), "127.0.0.1");
}
