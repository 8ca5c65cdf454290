"""azure-communication-chat, unmodified, as the consumer of a token: it sends the token that it was
given, and the emulator, which has no chat, answers that it has no such page."""

import unittest

import world
from azure.communication.chat import ChatClient, CommunicationTokenCredential
from azure.communication.identity import CommunicationIdentityClient
from azure.core.exceptions import ResourceNotFoundError


class Chat(unittest.TestCase):
    def test_the_client_takes_the_token_and_finds_no_chat(self):
        identity = CommunicationIdentityClient.from_connection_string(world.CONNECTION_STRING)
        _, issued = identity.create_user_and_token(["chat"])
        sent = []
        credential = CommunicationTokenCredential(issued.token)
        with ChatClient(world.URL, credential) as client:
            with self.assertRaises(ResourceNotFoundError) as refused:
                note = lambda call: sent.append(call.http_request.headers["Authorization"])
                next(client.list_chat_threads(raw_request_hook=note))
        self.assertEqual(sent, [f"Bearer {issued.token}"])
        self.assertIn("The emulator has no such page.", refused.exception.response.text())


if __name__ == "__main__":
    unittest.main()
