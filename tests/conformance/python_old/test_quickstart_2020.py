"""azure-communication-administration 1.0.0b4, unmodified: the sequence of the 2020 quickstart."""

import unittest
from datetime import datetime, timedelta, timezone

from azure.communication.administration import CommunicationIdentityClient, CommunicationUser
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

import world


class Quickstart(unittest.TestCase):
    def setUp(self):
        self.client = CommunicationIdentityClient.from_connection_string(world.CONNECTION_STRING)

    def issue(self, user, scopes):
        answer = self.client.issue_token(user, scopes)
        self.assertEqual(answer.id, user.identifier)
        claims = world.claims(answer.token)
        self.assertEqual(f"8:{claims['skypeid']}", user.identifier)
        self.assertEqual(claims["acsScope"], ",".join(scopes))
        self.assertEqual(answer.expires_on.timestamp(), claims["exp"])
        return answer.token

    def test_creates_issues_issues_again_revokes_and_deletes(self):
        user = self.client.create_user()
        self.assertTrue(user.identifier.startswith("8:acs:"), user.identifier)
        first = self.issue(user, ["chat"])
        again = self.issue(user, ["chat", "voip"])
        self.assertTrue(world.is_honoured(first) and world.is_honoured(again))

        self.assertIsNone(self.client.revoke_tokens(user))
        self.assertFalse(world.is_honoured(first) or world.is_honoured(again))
        after = self.issue(user, ["voip"])
        self.assertTrue(world.is_honoured(after))

        self.assertIsNone(self.client.delete_user(user))
        self.assertFalse(world.is_honoured(after))
        with self.assertRaises(ClientAuthenticationError) as caught:
            self.client.issue_token(user, ["chat"])
        self.assertEqual(caught.exception.error.code, "IdentityNotOwned")

    def test_revokes_what_was_issued_before_a_time(self):
        user = self.client.create_user()
        token = self.issue(user, ["chat"])
        now = datetime.now(timezone.utc)
        self.client.revoke_tokens(user, issued_before=now - timedelta(hours=1))
        self.assertTrue(world.is_honoured(token))
        self.client.revoke_tokens(user, issued_before=now + timedelta(seconds=1))
        self.assertFalse(world.is_honoured(token))

    def test_what_the_service_refuses(self):
        user = self.client.create_user()
        for scopes in ([], ["nonsense"], ["voip.join"]):
            with self.subTest(scopes), self.assertRaises(HttpResponseError) as caught:
                self.client.issue_token(user, scopes)
            self.assertEqual(caught.exception.status_code, 400)
        foreign = CommunicationUser(world.FOREIGN_IDENTITY)
        for call in (
            lambda: self.client.issue_token(foreign, ["chat"]),
            lambda: self.client.revoke_tokens(foreign),
            lambda: self.client.delete_user(foreign),
        ):
            with self.assertRaises(ClientAuthenticationError):
                call()
        wrong = CommunicationIdentityClient(world.URL, "d3Jvbmc=")
        with self.assertRaises(ClientAuthenticationError) as caught:
            wrong.create_user()
        self.assertEqual(caught.exception.error.code, "Denied")


if __name__ == "__main__":
    unittest.main()
