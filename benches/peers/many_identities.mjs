// Creates as many identities as the argument says with the JavaScript SDK, 32 requests in flight, and
// prints their ids.

import { CommunicationIdentityClient } from "@azure/communication-identity";

const client = new CommunicationIdentityClient(
  process.env.COMMUNICATION_SERVICES_CONNECTION_STRING,
);
let left = Number(process.argv[2]);

async function worker() {
  while (left > 0) {
    left -= 1;
    const user = await client.createUser();
    process.stdout.write(`${user.communicationUserId}\n`);
  }
}

await Promise.all(Array.from({ length: 32 }, worker));
