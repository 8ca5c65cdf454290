"""MSAL for Python as a web API: it exchanges the token of its caller for one of another API."""

import json
import unittest

import msal

import test_msal
import world

SERVICE = "ac5ba55e-0c11-4000-8000-0000000000d1"
SECRET = "worthless-secret-of-the-exchange-service"
SCOPE = f"api://{SERVICE}/access_as_user"
SNAPSHOT = "/_emulator/v1/snapshot"


def snapshot():
    status, _, state = world.send("GET", SNAPSHOT)
    assert status == 200, state
    return state


def restore(state):
    headers = {"X-Acspass-Emulator": "1", "Content-Type": "application/json"}
    status, _, answer = world.send("PUT", SNAPSHOT, headers, json.dumps(state).encode())
    assert status in (200, 204), answer


class OnBehalfOf(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        before = snapshot()
        cls.addClassCleanup(restore, before)
        changed = json.loads(json.dumps(before))
        service = {"name": "Exchange service", "clientId": SERVICE, "secrets": [SECRET]}
        service["api"] = {"scopes": ["access_as_user"], "tokenVersion": 2}
        changed["world"]["applications"].append(service)
        restore(changed)

    def service(self):
        return msal.ConfidentialClientApplication(
            SERVICE,
            authority=f"{world.URL}/{world.TENANT}",
            client_credential=SECRET,
            instance_discovery=False,
        )

    def test_a_service_gets_a_token_of_its_caller(self):
        caller = test_msal.sign_in(test_msal.an_app(world.TENANT), scopes=[SCOPE])
        self.assertNotIn("error", caller, caller.get("error_description"))
        claims = world.claims(caller["access_token"])
        self.assertEqual((claims["aud"], claims["ver"]), (SERVICE, "2.0"))
        self.assertEqual((claims["azp"], claims["scp"]), (world.CLIENT, "access_as_user"))

        result = self.service().acquire_token_on_behalf_of(
            caller["access_token"], world.TEAMS_SCOPES
        )
        self.assertNotIn("error", result, result.get("error_description"))
        own = world.claims(result["access_token"])
        self.assertEqual((own["oid"], own["appid"]), (world.OBJECT, SERVICE))
        self.assertLessEqual(set(world.TEAMS_SCOPES), set(result["scope"].split()))

    def test_a_token_for_another_api_is_no_assertion(self):
        caller = test_msal.sign_in(test_msal.an_app(world.TENANT))
        result = self.service().acquire_token_on_behalf_of(
            caller["access_token"], world.TEAMS_SCOPES
        )
        self.assertEqual(result["error"], "invalid_grant")
        self.assertIn("AADSTS500131", result["error_description"])


if __name__ == "__main__":
    unittest.main()
