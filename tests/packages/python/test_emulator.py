"""The module and the fixture of the package: each member of the emulator."""

import json
import os
import subprocess
import urllib.request

import pytest
from acspass import EmulatorError, SignInRefused, connect_emulator, program_path, start_emulator
from azure.communication.identity import CommunicationIdentityClient

INSTANCE = []


def refusal(call, *arguments, **options):
    with pytest.raises(SignInRefused) as refused:
        call(*arguments, **options)
    assert isinstance(refused.value, EmulatorError)
    return refused.value.code


def test_pages_of_a_sign_in_are_answered(acs_emulator):
    for name in ("ada", "consent", "mfa"):
        user = acs_emulator.sign_in(f"{name}@contoso.example")
        assert user.username == f"{name}@contoso.example"
        assert user.object_id in [found["objectId"] for found in acs_emulator.users()]
    assert acs_emulator.sign_in().username == "ada@contoso.example"


def test_refused_sign_ins_have_the_code_of_the_service(acs_emulator):
    sign_in = acs_emulator.sign_in
    assert refusal(sign_in, "consent@contoso.example", consent="decline") == "AADSTS65004"
    assert refusal(sign_in, "blocked@contoso.example") == "AADSTS53003"
    assert refusal(sign_in, "mfa@contoso.example", code="000000") is None
    assert refusal(sign_in, client_id="ac5ba55e-0000-4000-8000-000000000000") == "AADSTS700016"


def test_no_token_is_in_the_text_of_a_user(acs_emulator):
    user = acs_emulator.sign_in()
    for token in (user.access_token, user.refresh_token, user.id_token):
        assert token not in repr(user)


def test_scopes_are_those_that_the_sign_in_asks_for(acs_emulator):
    scope = "https://auth.msft.communication.azure.com/Teams.ManageChats"
    scopes = acs_emulator.sign_in(scopes=[scope]).scopes
    assert [name for name in scopes if name.startswith("https:")] == [scope]


def test_a_refresh_gives_other_tokens_until_the_sessions_are_revoked(acs_emulator):
    user = acs_emulator.sign_in()
    other = acs_emulator.refresh(user)
    assert other.object_id == user.object_id
    assert other.access_token != user.access_token
    acs_emulator.revoke_sessions(user.username)
    assert refusal(acs_emulator.refresh, other) == "AADSTS50173"
    acs_emulator.revoke_sessions()


def test_faults_are_added_listed_and_deleted(acs_emulator):
    first = acs_emulator.add_fault("throttled", route="token", times=2, parameters={"seconds": 5})
    acs_emulator.add_fault("service-unavailable", route="exchange")
    assert [fault["name"] for fault in acs_emulator.faults()] == ["throttled", "service-unavailable"]
    with pytest.raises(SignInRefused, match="temporarily_unavailable: AADSTS90055"):
        acs_emulator.sign_in()
    acs_emulator.delete_fault(first)
    acs_emulator.sign_in()
    acs_emulator.clear_faults()
    assert acs_emulator.faults() == []
    with pytest.raises(EmulatorError, match=r"POST faults failed with status 400: \$\.name"):
        acs_emulator.add_fault("no-such-fault")


def test_the_clock_decides_whether_a_token_is_accepted(acs_emulator):
    token = acs_emulator.forge_token("communicationToken", scopes=["chat"])
    assert acs_emulator.is_accepted(token)
    assert acs_emulator.set_clock(advance_seconds=7200, frozen=True)["frozen"]
    assert acs_emulator.clock()["frozen"]
    assert not acs_emulator.is_accepted(token)
    assert not acs_emulator.is_accepted("no token")


def test_the_journal_has_the_reasons_of_refusals(acs_emulator):
    refusal(acs_emulator.sign_in, "blocked@contoso.example")
    (entry,) = acs_emulator.journal(outcome="refused", limit=5)
    assert "AADSTS53003" in entry["reason"]
    acs_emulator.clear_journal()
    assert acs_emulator.journal() == []


def test_a_user_is_changed(acs_emulator):
    changed = acs_emulator.update_user("ada@contoso.example", {"simulate": "locked"})
    assert changed["simulate"] == "locked"
    assert refusal(acs_emulator.sign_in) == "AADSTS50053"
    with pytest.raises(EmulatorError, match="PATCH users/nobody failed with status 404"):
        acs_emulator.update_user("nobody", {"name": "x"})


def test_the_fixture_is_one_emulator_in_the_state_at_its_start(acs_emulator):
    INSTANCE.append(acs_emulator)
    assert acs_emulator.journal() == []
    acs_emulator.update_user("ada@contoso.example", {"simulate": "disabled"})


def test_the_next_test_has_the_same_one_without_the_changes(acs_emulator):
    assert INSTANCE == [acs_emulator]
    acs_emulator.sign_in("ada@contoso.example")


def test_its_variables_are_those_of_emulator_env_and_are_set(acs_emulator):
    command = [program_path(), "emulator", "--http-port", "0", "--https-port", "0", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        said = json.loads(other.stdout.readline())
        environment = {**os.environ, "ACSPASS_EMULATOR_URL": said["httpUrl"]}
        env = [program_path(), "emulator", "env", "-o", "json"]
        printed = json.loads(subprocess.check_output(env, env=environment))
        other.terminate()
    assert sorted(acs_emulator.environment) == sorted(printed)
    for name, value in acs_emulator.environment.items():
        assert os.environ[name] == value


def test_without_the_fixture_no_variable_is_set():
    assert "ACSPASS_EMULATOR_URL" not in os.environ


def test_clients_trust_its_certificates(acs_emulator):
    url = f"{acs_emulator.authority}/v2.0/.well-known/openid-configuration"
    assert urllib.request.urlopen(url, timeout=30).status == 200
    identity = CommunicationIdentityClient.from_connection_string(acs_emulator.connection_string)
    user = acs_emulator.sign_in()
    token = identity.get_token_for_teams_user(user.access_token, user.client_id, user.object_id).token
    assert acs_emulator.is_accepted(token)


def test_an_emulator_that_runs_already_is_connected_to_and_not_stopped(acs_emulator):
    with connect_emulator() as other:
        other.sign_in()
    assert acs_emulator.journal()
    with pytest.raises(EmulatorError, match="no response from the emulator at http://localhost:9"):
        connect_emulator("http://localhost:9")


def test_an_address_is_needed_to_connect():
    with pytest.raises(EmulatorError, match="acspass emulator exec"):
        connect_emulator()


def test_a_second_one_is_another_one(acs_emulator):
    with start_emulator(token_life="9m", strict_versions=True) as other:
        assert other.url != acs_emulator.url
        assert other.sign_in().expires_in == 540
    assert acs_emulator.journal() == []
