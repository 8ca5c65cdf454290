import pytest
from acspass import Emulator, SignInRefused


def test_a_user_signs_in(acs_emulator: Emulator) -> None:
    user = acs_emulator.sign_in("ada@contoso.example")
    assert user.username == "ada@contoso.example"


def test_consent_is_refused(acs_emulator: Emulator) -> None:
    with pytest.raises(SignInRefused) as refused:
        acs_emulator.sign_in("consent@contoso.example", consent="decline")
    assert refused.value.error == "access_denied"
    assert refused.value.code == "AADSTS65004"
