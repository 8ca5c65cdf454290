"""Each member with its types, for mypy --strict; it is not run."""

from typing import Any, Optional

import acspass
from acspass import Emulator, SignedInUser, SignInRefused, connect_emulator, start_emulator
from acspass.tokens import AsyncTokenRefresher, TokenRefresher
from azure.communication.chat import CommunicationTokenCredential
from azure.core.credentials import AccessToken


def members(acs_emulator: Emulator) -> None:
    with start_emulator(seed=None, token_life="9m", strict_versions=True, timeout=5) as emulator:
        texts: list[str] = [emulator.url, emulator.authority, emulator.tenant_id, emulator.client_id]
        texts += [emulator.connection_string, emulator.http_connection_string, acspass.program_path()]
        variables: dict[str, str] = emulator.environment
        user: SignedInUser = emulator.sign_in("ada@contoso.example", consent="decline", code="1", scopes=[])
        texts += [user.username, user.object_id, user.access_token, *user.scopes, *variables]
        refreshed: SignedInUser = emulator.refresh(user)
        seconds: int = refreshed.expires_in
        fault: int = emulator.add_fault("throttled", route="token", times=seconds)
        emulator.delete_fault(fault)
        entries: list[dict[str, Any]] = emulator.journal(outcome="refused", limit=1)
        clock: dict[str, Any] = emulator.set_clock(advance_seconds=1)
        is_accepted: bool = emulator.is_accepted(emulator.forge_token("communicationToken"))
        redirect: dict[str, str] = emulator.authorize("https://localhost/")
        print(texts, entries, clock, is_accepted, redirect)
        emulator.sign_in(1)  # type: ignore[arg-type]
    connect_emulator().reset()
    try:
        acs_emulator.sign_in()
    except SignInRefused as refused:
        code: Optional[str] = refused.code
        print(code, refused.error, refused.description)


async def refreshers() -> None:
    refresher = TokenRefresher(account="ada@contoso.example")
    token: AccessToken = refresher()
    CommunicationTokenCredential(token.token, token_refresher=refresher)
    other: AccessToken = await AsyncTokenRefresher()()
    print(other)
