import pytest
from acspass import SignInRefused
from azure.communication.identity import CommunicationIdentityClient
from azure.core.exceptions import HttpResponseError


def exchange(emulator, user):
    identity = CommunicationIdentityClient.from_connection_string(emulator.connection_string)
    return identity.get_token_for_teams_user(user.access_token, user.client_id, user.object_id).token


def test_consent_refused(acs_emulator):
    with pytest.raises(SignInRefused, match="AADSTS65004"):
        acs_emulator.sign_in("consent@contoso.example", consent="decline")


def test_licence_missing(acs_emulator):
    with pytest.raises(HttpResponseError, match="Forbidden"):
        exchange(acs_emulator, acs_emulator.sign_in("cleo@contoso.example"))


def test_throttled_twice(acs_emulator):
    acs_emulator.add_fault("throttled", route="exchange", times=2)
    assert acs_emulator.is_accepted(exchange(acs_emulator, acs_emulator.sign_in()))


def test_token_expires(acs_emulator):
    token = exchange(acs_emulator, acs_emulator.sign_in())
    acs_emulator.set_clock(advance_seconds=7200)
    assert not acs_emulator.is_accepted(token)


def test_revoked(acs_emulator):
    user = acs_emulator.sign_in()
    acs_emulator.revoke_sessions(user.username)
    with pytest.raises(SignInRefused, match="AADSTS50173"):
        acs_emulator.refresh(user)
