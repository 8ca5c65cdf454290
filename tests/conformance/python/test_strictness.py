"""Raw requests that the services would refuse are refused, with their status and their code.

No SDK is involved: each row changes one thing in a request that is right without the change.
"""

import json
import time
import unittest
from urllib.parse import urlencode

import world

CREATE = f"/identities?api-version={world.API_VERSION}"
EXCHANGE = f"/teamsUser/:exchangeAccessToken?api-version={world.API_VERSION}"
NOTHING = object()


def refusal(answer):
    """Status, code and target, as the service's errors carry them."""
    status, _, body = answer
    error = body.get("error", {}) if isinstance(body, dict) else {}
    return status, error.get("code"), error.get("target")


def create(body=b"", target=CREATE, method="POST", **how):
    """A signed request, with what the row changes after signing."""
    changes = how.pop("changes", {})
    sent = how.pop("sent", body)
    sent_target = how.pop("sent_target", target)
    sent_method = how.pop("sent_method", method)
    headers = world.signed(method, target, body, **how)
    for name, value in changes.items():
        value = value(headers[name]) if callable(value) else value
        headers.pop(name, None) if value is NOTHING else headers.update({name: value})
    return world.send(sent_method, sent_target, headers, sent)


def flipped(header):
    """The same signature with its first character another."""
    start, _, proof = header.partition("&Signature=")
    return f"{start}&Signature={'B' if proof[0] == 'A' else 'A'}{proof[1:]}"


DENIED = (401, "Denied", None)
WITH_TOKEN = json.dumps({"createTokenWithScopes": ["chat"], "expiresInMinutes": 60}).encode()
MORE = WITH_TOKEN.replace(b"60", b"99")
ANOTHER_QUERY = f"/identities?api-version={world.API_VERSION}&x=1"

SIGNATURES = {
    "another key": lambda: create(key="d3Jvbmc="),
    "a changed signature": lambda: create(changes={"Authorization": flipped}),
    "an empty signature": lambda: create(
        changes={"Authorization": lambda h: h.partition("Signature=")[0] + "Signature="}
    ),
    "a body changed after signing": lambda: create(WITH_TOKEN, sent=MORE),
    "a body changed, and its hash with it": lambda: create(
        WITH_TOKEN, sent=MORE, changes={"x-ms-content-sha256": world.content_hash(MORE)}
    ),
    "a body that was not signed at all": lambda: create(sent=WITH_TOKEN),
    "a target changed after signing": lambda: create(sent_target=ANOTHER_QUERY),
    "a verb changed after signing": lambda: create(
        target="/identities/x?api-version=2023-10-01",
        method="GET",
        sent_method="DELETE",
        sent_target="/identities/x?api-version=2023-10-01",
    ),
    "another host": lambda: create(host="contoso.communication.azure.com"),
    "the host without its port": lambda: create(host=world.HOST.partition(":")[0]),
    "a date an hour early": lambda: create(at=time.time() - 3600),
    "a date an hour late": lambda: create(at=time.time() + 3600),
    "a date changed after signing": lambda: create(
        changes={"x-ms-date": "Mon, 02 Jun 2025 13:45:09 GMT"}
    ),
    "a date in another form": lambda: create(changes={"x-ms-date": "2025-06-02T13:45:09Z"}),
    "no date": lambda: create(changes={"x-ms-date": NOTHING}),
    "no hash": lambda: create(changes={"x-ms-content-sha256": NOTHING}),
    "no authorization": lambda: create(changes={"Authorization": NOTHING}),
    "another scheme": lambda: create(
        changes={"Authorization": lambda h: h.replace("HMAC-SHA256", "HMAC-SHA512")}
    ),
    "other signed headers": lambda: create(
        changes={"Authorization": lambda h: h.replace("x-ms-date;host;", "host;x-ms-date;")}
    ),
    "the key itself as a bearer token": lambda: create(
        changes={"Authorization": f"Bearer {world.KEY}"}
    ),
}


class Signatures(unittest.TestCase):
    def test_a_right_request_is_answered(self):
        status, _, body = create(WITH_TOKEN)
        self.assertEqual(status, 201, body)
        # SDKs sign once and retry with that: a repeated signature is no attack.
        headers = world.signed("POST", CREATE)
        for _ in range(2):
            self.assertEqual(world.send("POST", CREATE, headers)[0], 201)

    def test_every_other_is_denied(self):
        for name, request in SIGNATURES.items():
            with self.subTest(name):
                self.assertEqual(refusal(request()), DENIED)

    def test_a_name_that_is_not_this_machine_is_turned_away(self):
        headers = world.signed("POST", CREATE, host="evil.example")
        self.assertEqual(world.send("POST", CREATE, headers, host="evil.example")[0], 421)


def versioned(query):
    return create(target=f"/identities{query}")


UNSPECIFIED = (400, "ApiVersionUnspecified", None)
UNSUPPORTED = (400, "UnsupportedApiVersion", None)


class Versions(unittest.TestCase):
    def test_a_version_is_needed_and_known(self):
        for query, expected in (
            ("", UNSPECIFIED),
            ("?api-version", UNSUPPORTED),
            ("?api-version=", UNSUPPORTED),
            ("?api-version=2019-01-01", UNSUPPORTED),
            ("?api-version=latest", UNSUPPORTED),
            ("?api-version=2023-10-01&api-version=2022-10-01", UNSUPPORTED),
            ("?API-VERSION-x=2023-10-01", UNSPECIFIED),
        ):
            with self.subTest(query):
                answer = versioned(query)
                self.assertEqual(refusal(answer), expected)
                self.assertIn(world.API_VERSION, answer[1]["api-supported-versions"])

    def test_a_version_that_lacks_the_operation(self):
        target = "/access/entra/:exchangeAccessToken?api-version=2023-10-01"
        answer = world.send("POST", target, {"Content-Type": "application/json"}, b"{}")
        self.assertEqual(refusal(answer), UNSUPPORTED)

    def test_paths_and_verbs_that_are_not_there(self):
        self.assertEqual(refusal(create(target="/identities/a/b?api-version=2023-10-01"))[0], 404)
        answer = create(method="PUT")
        self.assertEqual(refusal(answer)[0], 405)
        self.assertEqual(answer[1]["allow"], "POST")


class Identities(unittest.TestCase):
    def asked(self, user, action, value=None, method="POST"):
        return refusal(
            world.owner(method, f"/identities/{user}{action}?api-version=2023-10-01", value)
        )

    def test_another_resources_identity_is_not_ours(self):
        not_owned = (401, "IdentityNotOwned", None)
        for user in (world.FOREIGN_IDENTITY, f"8:orgid:{world.OBJECT}"):
            for spelling in (user, user.replace(":", "%3A")):
                with self.subTest(spelling):
                    self.assertEqual(
                        self.asked(spelling, "/:issueAccessToken", {"scopes": ["chat"]}), not_owned
                    )
                    self.assertEqual(self.asked(spelling, "/:revokeAccessTokens"), not_owned)
                    self.assertEqual(self.asked(spelling, "", method="DELETE"), not_owned)

    def test_an_id_is_decoded_exactly_once(self):
        twice = world.FOREIGN_IDENTITY.replace(":", "%253A")
        self.assertEqual(self.asked(twice, "", method="DELETE"), (400, "ValidationError", "id"))

    def test_bodies_are_validated(self):
        status, _, body = world.owner("POST", CREATE)
        self.assertEqual(status, 201)
        user = body["identity"]["id"]
        chat = ["chat"]
        for value, target in (
            (None, "Scopes"),
            ({}, "Scopes"),
            ({"scopes": None}, "Scopes"),
            ({"scopes": []}, "scopes"),
            ({"scopes": ["nonsense"]}, "scopes"),
            ({"scopes": ["Chat"]}, "scopes"),
            ({"scopes": "chat"}, None),
            ({"scopes": chat, "expiresInMinutes": 59}, "ExpiresInMinutes"),
            ({"scopes": chat, "expiresInMinutes": 1441}, "ExpiresInMinutes"),
            ({"scopes": chat, "expiresInMinutes": 0}, "ExpiresInMinutes"),
            ({"scopes": chat, "expiresInMinutes": "60"}, None),
            ({"scopes": chat, "expiresInMinutes": 60.5}, None),
        ):
            with self.subTest(value):
                self.assertEqual(
                    self.asked(user, "/:issueAccessToken", value), (400, "ValidationError", target)
                )
        for value in ({"scopes": chat, "expiresInMinutes": None}, {"scopes": chat}):
            self.assertEqual(self.asked(user, "/:issueAccessToken", value)[0], 200)

    def test_a_body_of_another_type(self):
        answer = create(WITH_TOKEN, changes={"Content-Type": "text/plain"})
        self.assertEqual(refusal(answer)[0], 415)
        self.assertEqual(refusal(create(b"{")), (400, "ValidationError", None))


class Exchanges(unittest.TestCase):
    def exchange(self, **changes):
        value = {"token": self.token, "appId": world.CLIENT, "userId": world.OBJECT} | changes
        return world.owner("POST", EXCHANGE, {k: v for k, v in value.items() if v is not NOTHING})

    @classmethod
    def setUpClass(cls):
        cls.token = world.entra_token()

    def test_the_right_one_lives_as_long_as_the_entra_token(self):
        status, _, body = self.exchange()
        self.assertEqual(status, 200, body)
        self.assertEqual(set(body), {"token", "expiresOn"})
        self.assertRegex(body["expiresOn"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00$")
        self.assertEqual(world.claims(body["token"])["exp"], world.claims(self.token)["exp"])

    def test_tokens_of_others_and_of_the_past(self):
        now = int(time.time())
        tokens = {
            "empty": "",
            "garbage": "garbage",
            "expired": world.expired(self.token),
            "not yet valid": world.resigned(self.token, nbf=now + 3600),
            "of another authority": world.resigned(
                self.token, iss=f"https://sts.windows.net/{world.TENANT}/"
            ),
            "of another tenant": world.resigned(self.token, tid=world.NOBODY),
            "for another audience": world.resigned(self.token, aud="https://graph.microsoft.com"),
            "without the scopes": world.resigned(self.token, scp="User.Read"),
            "for the clients' exchange": world.entra_token(scopes=world.CLIENTS_SCOPES),
            "with a broken signature": self.token[: self.token.rindex(".") + 1] + "AAAA",
            "unsigned": self.token[: self.token.rindex(".") + 1],
            "a Communication token": self.exchange()[2]["token"],
        }
        for name, token in tokens.items():
            with self.subTest(name):
                # It is looked at before anything else in the body.
                for changes in ({}, {"userId": ""}, {"appId": "x"}):
                    answer = self.exchange(token=token, **changes)
                    self.assertEqual(refusal(answer), (401, "InvalidAccessToken", None))
                    self.assertNotIn("api-supported-versions", answer[1])

    def test_another_app_or_user(self):
        for changes, target in (
            ({"appId": world.NOBODY}, "appId"),
            ({"appId": world.SERVICE_APP}, "appId"),
            ({"appId": "x"}, "appId"),
            ({"appId": "{" + world.CLIENT + "}"}, "appId"),
            ({"appId": ""}, "AppId"),
            ({"appId": NOTHING}, "AppId"),
            ({"userId": world.NOBODY}, "userId"),
            ({"userId": world.UNLICENSED[1]}, "userId"),
            ({"userId": "x"}, "userId"),
            ({"userId": ""}, "UserId"),
            ({"userId": NOTHING}, "UserId"),
            ({"token": None}, None),
            ({"token": NOTHING}, None),
        ):
            with self.subTest(changes):
                self.assertEqual(
                    refusal(self.exchange(**changes)), (400, "ValidationError", target)
                )

    def test_without_the_owners_signature(self):
        value = {"token": self.token, "appId": world.CLIENT, "userId": world.OBJECT}
        body = json.dumps(value).encode()
        for headers in ({}, {"Authorization": f"Bearer {self.token}"}):
            headers["Content-Type"] = "application/json"
            self.assertEqual(refusal(world.send("POST", EXCHANGE, headers, body)), DENIED)


class DirectExchanges(unittest.TestCase):
    PATHS = {
        "/access/entra/:exchangeAccessToken?api-version=2025-03-02-preview": world.CLIENTS_SCOPES,
        "/access/teamsExtension/:exchangeAccessToken?api-version=2025-06-30": [
            "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls"
        ],
    }

    def exchange(self, target, token, body=b"{}"):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        return world.send("POST", target, headers, body)

    def test_the_users_token_is_all_it_takes_and_no_other(self):
        for target, scopes in self.PATHS.items():
            with self.subTest(target):
                token = world.entra_token(scopes=scopes)
                status, _, body = self.exchange(target, token)
                self.assertEqual(status, 200, body)
                self.assertTrue(world.is_honoured(body["accessToken"]["token"]))
                for bad in (
                    "garbage",
                    world.expired(token),
                    world.entra_token(scopes=["https://graph.microsoft.com/User.Read"]),
                    world.resigned(token, aud="https://communication.azure.com/"),
                    world.resigned(token, oid=world.NOBODY),
                ):
                    self.assertEqual(refusal(self.exchange(target, bad)), DENIED)
                for bad in (
                    world.resigned(token, appid=world.NOBODY),
                    world.resigned(token, scp="Nothing.AtAll"),
                ):
                    self.assertEqual(refusal(self.exchange(target, bad))[0], 403)
                self.assertEqual(refusal(self.exchange(target, token, b"[]"))[0], 400)
                answer = world.send(
                    "POST", target, world.signed("POST", target, b"{}"), b"{}"
                )
                self.assertEqual(refusal(answer), DENIED)


class SigningIn(unittest.TestCase):
    """Entra's side: RFC 6749 in Entra's dialect."""

    def refused(self, answer):
        status, body = answer
        self.assertTrue(body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: "))
        return status, body["error"], body["error_codes"][0]

    def test_a_code_works_once(self):
        flow = world.CodeFlow()
        code = flow.code()
        self.assertEqual(flow.redeem(code)[0], 200)
        self.assertEqual(self.refused(flow.redeem(code)), (400, "invalid_grant", 54005))

    def test_a_code_is_bound_to_its_request(self):
        for name, changes, number in (
            ("another verifier", {"code_verifier": "x" * 43}, 501481),
            ("no verifier", {"code_verifier": None}, 50148),
            ("another path", {"redirect_uri": "http://localhost:1/redirect"}, 500112),
            ("another port", {"redirect_uri": "http://localhost:2/"}, 500112),
            ("no slash", {"redirect_uri": "http://localhost:1"}, 500112),
            ("another code", {"code": "x"}, 70000),
        ):
            with self.subTest(name):
                flow = world.CodeFlow()
                code = flow.code()
                changes = {"code": code} | changes
                answer = flow.redeem(changes.pop("code"), **changes)
                self.assertEqual(self.refused(answer), (400, "invalid_grant", number))

    def test_a_code_is_for_its_tenant(self):
        flow = world.CodeFlow()
        code = flow.code()
        flow.tenant = "organizations"
        self.assertEqual(self.refused(flow.redeem(code)), (400, "invalid_grant", 700005))

    def test_another_client_is_refused(self):
        flow = world.CodeFlow()
        status, error, number = self.refused(flow.redeem(flow.code(), client_id=world.NOBODY))
        self.assertEqual((error, number), ("unauthorized_client", 700016), status)

    def test_a_public_client_has_no_secret(self):
        flow = world.CodeFlow()
        answer = flow.redeem(flow.code(), client_secret="x")
        self.assertEqual(self.refused(answer), (401, "invalid_client", 700025))

    def test_an_address_that_is_not_registered_never_gets_an_answer(self):
        for uri in (
            "http://localhost:1/other",
            "http://localhost:1/redirect/",
            "https://localhost:1/",
            "http://127.0.0.1:1/",
            "http://localhost@evil.example/",
            "http://evil.example/",
        ):
            with self.subTest(uri):
                status, headers, page = world.CodeFlow().authorize(redirect_uri=uri)
                self.assertEqual(status, 400)
                self.assertNotIn("location", headers)
                self.assertIn(b"AADSTS50011", page)

    def test_a_challenge_that_is_none(self):
        for changes in (
            {"code_challenge_method": "S512"},
            {"code_challenge": "too-short"},
        ):
            with self.subTest(changes):
                status, headers, _ = world.CodeFlow().authorize(**changes)
                self.assertIn("error=invalid_request", headers.get("location", ""), status)

    def test_refresh_tokens_are_this_clients(self):
        flow = world.CodeFlow()
        refresh = flow.redeem(flow.code())[1]["refresh_token"]
        form = {
            "client_id": world.CLIENT,
            "grant_type": "refresh_token",
            "refresh_token": refresh,
            "scope": flow.parameters["scope"],
        }
        self.assertEqual(world.token_request(form)[0], 200)
        for changes, error in (
            ({"refresh_token": refresh[:-4]}, ("invalid_grant", 9002313)),
            ({"client_id": world.NOBODY}, ("unauthorized_client", 700016)),
        ):
            self.assertEqual(self.refused(world.token_request(form | changes))[1:], error)

    def test_an_app_proves_itself(self):
        form = {
            "client_id": world.SERVICE_APP,
            "client_secret": world.SERVICE_SECRET,
            "grant_type": "client_credentials",
            "scope": "https://communication.azure.com//.default",
        }
        self.assertEqual(world.token_request(form)[0], 200)
        wrong = world.token_request(form | {"client_secret": world.SECRET_WITHOUT_ROLE})
        self.assertEqual(self.refused(wrong), (401, "invalid_client", 7000215))
        elsewhere = world.token_request(form, "organizations")
        self.assertEqual(self.refused(elsewhere)[1:], ("invalid_request", 50059))

    def test_tenants_that_are_not_there(self):
        flow = world.CodeFlow()
        code = flow.code()
        for tenant, number in ((world.NOBODY, 90002), ("consumers", 9002332)):
            flow.tenant = tenant
            self.assertEqual(self.refused(flow.redeem(code))[1:], ("invalid_request", number))


if __name__ == "__main__":
    unittest.main()
