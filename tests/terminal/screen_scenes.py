"""The commands whose screens are checked."""

from dataclasses import dataclass, field

COMMANDS = (
    "login logout status account session store get exec serve inspect user token config profile setup doctor "
    "emulator completions man help version"
).split()
PAIRS = (
    "account list,account switch,session export,session import,store migrate,user create,user delete,"
    "token issue,token revoke,token exchange,"
    "config list,config get,config set,config unset,profile list,profile use"
).split(",")


@dataclass
class Scene:
    """A command, the state it begins with, and what happens while it runs: words to wait for, and then
    `interrupt`, `user NAME` (signs in), `type TEXT`, or another command."""

    name: str
    arguments: list
    state: str = "signed-in"
    code: int = 0
    steps: tuple = ()
    variables: dict = field(default_factory=dict)
    without: tuple = ()
    # The words depend on the terminal: a narrow one has no place for a QR code or long settings.
    differs: bool = False
    # Lines up to this width are copied as they are, such as a script.
    copied_columns: int = 0


def scene(name, arguments, state="signed-in", **more):
    return Scene(name, arguments.split(), state, **more)


def scenes():
    nothing = ("ACSPASS_TENANT_ID", "ACSPASS_CLIENT_ID", "COMMUNICATION_SERVICES_CONNECTION_STRING")
    bound = ("ACSPASS_TENANT_ID", "ACSPASS_CLIENT_ID", "AZURE_AUTHORITY_HOST")
    refused = "endpoint=http://localhost:1/;accesskey=d3Jvbmc="
    wrong_key = "endpoint={httpUrl}/;accesskey=d3Jvbmc="
    resource = "COMMUNICATION_SERVICES_CONNECTION_STRING"
    waiting = "Waiting for sign-in"
    short = {"AZURE_AUTHORITY_HOST": "{shortUrl}"}
    ada, ben = "user ada@contoso.example", "user ben@contoso.example"
    yield scene("help-short", "-h", "new")
    yield scene("help-long", "--help", "new")
    yield scene("version", "version", "new")
    for command in [*COMMANDS, *PAIRS]:
        yield scene(f"{command.replace(' ', '-')}-h", f"{command} -h", "new")
        yield scene(f"help-{command.replace(' ', '-')}", f"help {command}", "new")

    yield scene("status-new", "status", "new", code=4)
    yield scene("status", "status")
    yield scene("status-expired", "status", "expired", variables=short)
    yield scene("status-none-active", "status", "none-active", code=4)
    yield scene("account-list", "account list", "two")
    yield scene("account-switch", "account switch ada@contoso.example", "two")
    yield scene("doctor", "doctor")
    yield scene("doctor-new", "doctor", "new", code=2, without=nothing)
    yield scene("doctor-offline", "doctor --offline")
    yield scene("config-list", "config list")
    yield scene("config-list-new", "config list", "new", without=nothing)
    yield scene("config-set", "config set min-validity 10m", "new")
    yield scene("config-set-wrong", "config set min-validity 10x", "new", code=2)
    yield scene("setup", "setup", "new", copied_columns=80)
    yield scene("profile-list", "profile list", "profiles", without=bound)
    yield scene("profile-list-new", "profile list", "new")
    yield scene("profile-list-emulator", "profile list --emulator", "profiles", without=bound)
    yield scene("profile-list-json", "profile list -o json", "profiles", without=bound)
    yield scene("profile-wrong", "status --profile nosuch", "new", code=2)
    yield scene("inspect", "inspect {home}/token.txt")
    yield scene("inspect-missing", "inspect {home}/missing.txt", code=2)
    yield scene("get-json", "get -o json")
    yield scene("user-create", "user create")

    stop = ("Ctrl-C to stop", "interrupt")
    yield scene("serve", "serve --port 0", steps=(stop,))
    yield scene("serve-none-active", "serve --port 0", "none-active", steps=(stop,))
    yield scene("serve-status", "serve --status", code=6)
    yield scene("serve-and-status", "serve --port 0", steps=(("Ctrl-C to stop", "serve --status"), stop))
    yield scene("emulator", "emulator --https-port 0 --http-port 0", "new", steps=(stop,), differs=True)

    yield scene("login", "login", "new", steps=((waiting, ada),))
    yield scene("login-no-browser", "login --no-browser", steps=((waiting, ben), ("[y/N]", "type y")))
    yield scene("login-denied", "login --prompt none", "new", code=3, steps=((waiting, ada),))
    yield scene("login-interrupted", "login", "new", code=130, steps=((waiting, "interrupt"),))
    yield scene("login-timeout", "login --timeout 1s", "new", code=3)
    yield scene("login-paste", "login --paste", "new", code=130, steps=(("Enter:", "interrupt"),))
    steps = ((waiting, "interrupt"),)
    yield scene("login-code", "login --device-code", "new", code=130, steps=steps, differs=True)
    yield scene("logout", "logout", "two")
    yield scene("logout-all", "logout --all", "two")
    yield scene("logout-new", "logout", "new")
    yield scene("logout-none-active", "logout", "none-active", code=2)

    yield scene("unknown-command", "lgoin", "new", code=2)
    yield scene("unknown-option", "login --acount ada", "new", code=2)
    yield scene("missing-argument", "config set", "new", code=2)
    yield scene("wrong-value", "get --min-validity 10x", "new", code=2)
    yield scene("get-new", "get --no-interactive", "new", code=4)
    yield scene("get-not-configured", "get --no-interactive", "new", code=2, without=nothing)
    yield scene("get-none-active", "get --no-interactive", "none-active", code=4)
    yield scene("get-unknown-account", "get --no-interactive --account zoe@contoso.example", code=4)
    yield scene("switch-unknown", "account switch zoe@contoso.example", "two", code=4)
    yield scene("wrong-key", "user create", code=5, variables={resource: wrong_key})
    yield scene("refused", "user create", code=6, variables={resource: refused})
    yield scene("token-scope", "token issue --scope chats", code=5)
    yield scene("no-systemd", "serve --install", code=2)
