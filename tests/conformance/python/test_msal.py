"""MSAL for Python, unmodified, signs in at the emulator and renews what it got."""

import base64
import json
import os
import unittest
from unittest import mock

import msal

import world


def an_app(tenant, **options):
    # Instance discovery would ask login.microsoftonline.com whether it knows this host.
    return msal.PublicClientApplication(
        world.CLIENT, authority=f"{world.URL}/{tenant}", instance_discovery=False, **options
    )


def sign_in(app, username=None, scopes=world.TEAMS_SCOPES):
    """Signs in as a person would, in the browser; without a name, by a click on the page."""
    environment = {"BROWSER": world.BROWSER, "CONFORMANCE_USER": username or ""}
    with mock.patch.dict(os.environ, environment):
        return app.acquire_token_interactive(scopes, timeout=60)


class SigningIn(unittest.TestCase):
    def check(self, tenant):
        app = an_app(tenant)
        result = sign_in(app)
        self.assertNotIn("error", result, result.get("error_description"))
        self.assertEqual(result["id_token_claims"]["oid"], world.OBJECT)
        self.assertEqual(result["id_token_claims"]["preferred_username"], world.USERNAME)
        self.assertLessEqual(set(world.TEAMS_SCOPES), set(result["scope"].split()))

        [account] = app.get_accounts()
        self.assertEqual(account["home_account_id"], f"{world.OBJECT}.{world.TENANT}")
        self.assertEqual(account["username"], world.USERNAME)

        cached = app.acquire_token_silent_with_error(world.TEAMS_SCOPES, account)
        self.assertEqual(cached["access_token"], result["access_token"])
        self.assertEqual(cached["token_source"], "cache")

        forced = app.acquire_token_silent_with_error(
            world.TEAMS_SCOPES, account, force_refresh=True
        )
        self.assertNotIn("error", forced, forced.get("error_description"))
        self.assertEqual(forced["token_source"], "identity_provider")
        self.assertNotEqual(forced["access_token"], result["access_token"])

        claims = world.claims(forced["access_token"])
        self.assertEqual(claims["appid"], world.CLIENT)
        self.assertEqual(claims["oid"], world.OBJECT)
        self.assertEqual(claims["tid"], world.TENANT)

    def test_at_the_tenant(self):
        self.check(world.TENANT)

    def test_at_organizations(self):
        self.check("organizations")

    def test_with_the_metadata_found_by_issuer(self):
        app = msal.PublicClientApplication(
            world.CLIENT, oidc_authority=f"{world.URL}/{world.TENANT}/v2.0"
        )
        self.assertIn("access_token", sign_in(app))

    def test_as_the_user_that_was_chosen(self):
        username, object_id = world.UNLICENSED
        result = sign_in(an_app(world.TENANT), username)
        self.assertEqual(result["id_token_claims"]["oid"], object_id)

    def test_one_refresh_token_serves_another_resource(self):
        app = an_app(world.TENANT)
        sign_in(app)
        [account] = app.get_accounts()
        result = app.acquire_token_silent_with_error(world.CLIENTS_SCOPES, account)
        self.assertNotIn("error", result, result.get("error_description"))
        self.assertEqual(
            world.claims(result["access_token"])["aud"], "https://communication.azure.com/clients"
        )

    def test_the_id_token_is_for_this_sign_in(self):
        nonces = set()
        for _ in range(2):
            result = sign_in(an_app(world.TENANT))
            claims = result["id_token_claims"]
            self.assertEqual(claims["aud"], world.CLIENT)
            self.assertEqual(claims["iss"], f"{world.URL}/{world.TENANT}/v2.0")
            nonces.add(claims["nonce"])
        self.assertEqual(len(nonces), 2)

    def test_client_info_names_the_home_account(self):
        result = sign_in(an_app("organizations"))
        info = json.loads(base64.urlsafe_b64decode(result["client_info"] + "=="))
        self.assertEqual(info, {"uid": world.OBJECT, "utid": world.TENANT})


class Refusals(unittest.TestCase):
    def refused(self, result):
        return result["error"], result["error_codes"]

    def test_a_scope_that_does_not_exist(self):
        app = an_app(world.TENANT)
        result = sign_in(app, scopes=["https://auth.msft.communication.azure.com/Teams.ManageAll"])
        self.assertEqual(result["error"], "invalid_scope")
        self.assertIn("AADSTS", result["error_description"])

    def test_an_invented_refresh_token(self):
        app = an_app(world.TENANT)
        result = app.acquire_token_by_refresh_token("garbage", world.TEAMS_SCOPES)
        self.assertEqual(self.refused(result), ("invalid_grant", [9002313]))

    def test_an_unknown_tenant(self):
        # MSAL reads the answer to its look-up of the metadata and gives up there.
        with self.assertRaises(ValueError):
            sign_in(an_app(world.NOBODY))

    def test_an_app_with_the_wrong_secret(self):
        app = msal.ConfidentialClientApplication(
            world.SERVICE_APP,
            client_credential="wrong",
            authority=f"{world.URL}/{world.TENANT}",
            instance_discovery=False,
        )
        result = app.acquire_token_for_client(["https://communication.azure.com//.default"])
        self.assertEqual(self.refused(result), ("invalid_client", [7000215]))


if __name__ == "__main__":
    unittest.main()
