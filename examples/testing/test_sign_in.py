import os
import unittest
from azure.communication.identity import CommunicationIdentityClient
from azure.core.exceptions import HttpResponseError
from emulator import CLIENT_ID, SCOPES, control, is_accepted, sign_in

connection_string = os.environ["COMMUNICATION_SERVICES_CONNECTION_STRING"]
identity = CommunicationIdentityClient.from_connection_string(connection_string)


def exchange(user):
    token, user_id = user["access_token"], user["id_token_claims"]["oid"]
    return identity.get_token_for_teams_user(token, CLIENT_ID, user_id).token


class SignIn(unittest.TestCase):
    def setUp(self):
        control("POST", "reset")

    def test_consent_refused(self):
        _, refused = sign_in("consent@contoso.example", emulator_consent="decline")
        self.assertIn("AADSTS65004", refused["error_description"])

    def test_licence_missing(self):
        _, user = sign_in("cleo@contoso.example")
        with self.assertRaises(HttpResponseError) as refused:
            exchange(user)
        self.assertEqual(refused.exception.status_code, 403)

    def test_throttled_twice(self):
        _, user = sign_in("ada@contoso.example")
        control("POST", "faults", {"name": "throttled", "route": "exchange", "times": 2})
        self.assertTrue(is_accepted(exchange(user)))

    def test_token_expires(self):
        _, user = sign_in("ada@contoso.example")
        token = exchange(user)
        control("PUT", "clock", {"advanceSeconds": 7200})
        self.assertFalse(is_accepted(token))

    def test_revoked(self):
        app, _ = sign_in("ada@contoso.example")
        control("POST", "sessions/revoke", {"user": "ada@contoso.example"})
        result = app.acquire_token_silent_with_error(SCOPES, app.get_accounts()[0], force_refresh=True)
        self.assertIn("AADSTS50173", result["error_description"])
