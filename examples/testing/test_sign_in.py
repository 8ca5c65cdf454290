from azure.core.exceptions import HttpResponseError
from emulator import EmulatorTest, control, exchange, is_accepted, refresh, sign_in


class SignIn(EmulatorTest):
    def test_consent_refused(self):
        refused = sign_in("consent@contoso.example", emulator_consent="decline")
        self.assertIn("AADSTS65004", refused["error_description"])

    def test_licence_missing(self):
        user = sign_in("cleo@contoso.example")
        self.assertRaisesRegex(HttpResponseError, "Forbidden", exchange, user)

    def test_throttled_twice(self):
        control("POST", "faults", {"name": "throttled", "route": "exchange", "times": 2})
        self.assertTrue(is_accepted(exchange(sign_in("ada@contoso.example"))))

    def test_token_expires(self):
        token = exchange(sign_in("ada@contoso.example"))
        control("PUT", "clock", {"advanceSeconds": 7200})
        self.assertFalse(is_accepted(token))

    def test_revoked(self):
        user = sign_in("ada@contoso.example")
        control("POST", "sessions/revoke", {"user": "ada@contoso.example"})
        self.assertIn("AADSTS50173", refresh(user)["error_description"])
