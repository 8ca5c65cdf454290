"""The job of `acspass login` with msal, as a whole process: signs in with a browser, and writes the cache.

    sign_in.py CACHE              acquire_token_interactive, which looks for the response once a second
    sign_in.py CACHE listener     the authorization code flow with a listener of its own
"""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

import entra

USER = "ada@contoso.example"


def with_own_listener(app):
    result = {}

    class Redirect(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            result.update(parse_qsl(body.decode()))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"You can close this window.")

        def log_message(self, *_):
            """Logs nothing: a request has an authorization code."""

    with HTTPServer(("127.0.0.1", 0), Redirect) as server:
        flow = app.initiate_auth_code_flow(
            entra.SCOPES,
            redirect_uri=f"http://localhost:{server.server_port}",
            login_hint=USER,
            response_mode="form_post",
        )
        subprocess.run([os.environ["BROWSER"], flow["auth_uri"]], check=True)
        while not result:
            server.handle_request()
    return app.acquire_token_by_auth_code_flow(flow, result)


app = entra.Application(sys.argv[1])
if sys.argv[2:] == ["listener"]:
    response = with_own_listener(app)
else:
    response = app.acquire_token_interactive(entra.SCOPES, login_hint=USER)
if "access_token" not in response:
    sys.exit(f"no token: {response.get('error')}")
app.save()
