"""A credential that lives as long as the app does. Run it with a token service of its own:

    pip install azure-communication-chat==1.3.0
    acspass exec --server -- python3 live.py

It prints the expiry of each new token, and no token.
"""

import time

from azure.communication.chat import CommunicationTokenCredential

from acspass_tokens import TokenRefresher


def main():
    refresher = TokenRefresher()
    token = refresher().token
    with CommunicationTokenCredential(
        token, token_refresher=refresher, proactive_refresh=True
    ) as credential:
        # A server gives the token to its page, where the calling SDK runs.
        shown = None
        while True:
            token, expires_on = credential.get_token()
            if token != shown:
                until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires_on))
                print(f"The token expires at {until}.", flush=True)
            shown = token
            time.sleep(1)


if __name__ == "__main__":
    main()
