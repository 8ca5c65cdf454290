import msal

SCOPES = ["https://auth.msft.communication.azure.com/Teams.ManageCalls"]


def test_a_revoked_session_in_msal(acs_emulator):
    authority = acs_emulator.authority
    app = msal.PublicClientApplication(acs_emulator.client_id, authority=authority, instance_discovery=False)
    flow = app.initiate_auth_code_flow(SCOPES, redirect_uri="http://localhost", login_hint="ada@contoso.example")
    answer = acs_emulator.authorize(flow["auth_uri"])
    assert "access_token" in app.acquire_token_by_auth_code_flow(flow, answer)
    acs_emulator.revoke_sessions("ada@contoso.example")
    result = app.acquire_token_silent_with_error(SCOPES, app.get_accounts()[0], force_refresh=True)
    assert "AADSTS50173" in result["error_description"]
