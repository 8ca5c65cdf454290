"""Writes docs/reference/peers.md and assets/pictures/peers.svg from the results of benches/peers.sh.

    page.py FOLDER
"""

import json
import pathlib
import statistics
import sys

import chart

ROOT = pathlib.Path(__file__).parents[2]
# CPU time of other programs, of which the figures are only a trial.
BUSY = 0.1

COMPARISONS = {
    "fresh_get": ("Fresh `get`", "fresh_get.sh", {
        "secret-tool": "secret-tool", "Python": "keyring, Python", "Node": "@napi-rs/keyring, Node"}),
    "stale_get": ("Stale `get`", "stale_get.sh", {
        "Python": "msal and SDK, Python", "Node": "msal and SDK, Node"}),
    "sign_in": ("Sign-in", "sign_in.sh", {
        "Python, interactive": "msal, Python", "Python, own listener": "msal, Python, own listener",
        "Node": "msal, Node"}),
    "many_identities": ("Bulk", "many_identities.sh", {
        "JavaScript SDK": "SDK, Node", "Python SDK": "SDK, Python"}),
    "serve": ("`serve`", "serve_express.sh", {"Express": "Express and SDK"}),
}
JOBS = {
    "fresh_get": """\
Prints a cached Communication access token that has more than ten minutes left. All items are in one
gnome-keyring. No program makes a network request.

- **acspass**: `acspass get --no-interactive`. It reads its index and the session, and checks the expiry.
- **secret-tool**: a C program that reads one item of 6,000 bytes, and checks nothing.
- **keyring, Python** and **@napi-rs/keyring, Node**: a script of a few lines that reads one item of JSON with the
  token and its expiry, and checks the expiry. It imports neither msal nor the SDK.
""",
    "stale_get": """\
Redeems the refresh token at Entra and exchanges the Entra token at the resource. Entra and the resource have a
host each, behind a relay that adds the given round-trip time.

- **acspass**: `acspass get --force-refresh`. It needs two requests: the authority's metadata is cached for 24 hours.
  The session is in a sealed file.
- **msal and SDK**: `acquire_token_silent` with `force_refresh` and `get_token_for_teams_user`, with msal's cache in
  a plain file. msal requests the authority's metadata in each process; its request to find other hosts of
  the authority is switched off.
""",
    "sign_in": """\
Signs in with a browser, redeems the authorization code and saves the session. There is no exchange. The browser
is a small program that is already running. It gets the page and submits its form, because the emulator signs in
the user of the address without a click. All programs cause the same three requests: the metadata, the page, and
the redemption. The time of the browser is part of each figure.

- **acspass**: `acspass login`. The session goes to a sealed file.
- **msal, Python**: `acquire_token_interactive`. It looks for the response once a second, so that it takes at
  least a second. msal's cache goes to a plain file, also in the next two.
- **msal, Python, own listener**: `initiate_auth_code_flow` and `acquire_token_by_auth_code_flow`, with a listener of
  a few lines that waits for the response. This is the time of msal without the second above.
- **msal, Node**: `acquireTokenInteractive`.
""",
    "many_identities": """\
Creates identities at the emulator over TLS, 32 requests at a time, and prints their ids.

- **acspass**: `acspass user create --count`.
- **SDK, Node**: 32 loops that call `createUser`.
- **SDK, Python**: `create_user` in a pool of 32 threads, with as many connections.
""",
    "serve": """\
Responds to `GET /token` with the token in memory. The request has a secret, which the service compares in constant
time. The responses have the same fields. wrk sends the requests with one thread on the same machine, so that it
takes CPU time too. Each service is one process. Each round loads one service while the other one has nothing to do.

- **acspass**: `acspass serve`, over TCP. It also checks the `Host` header, and answers on one thread.
- **Express and SDK**: an app of 50 lines with `AzureCommunicationTokenCredential`, which refreshes proactively through
  msal and the SDK. `NODE_ENV` is `production`.
""",
}


def number(value, unit):
    if unit == "per second":
        return f"{value:,.0f}/s"
    if unit == "ms" and value < 100:
        return f"{value:.1f} ms"
    return f"{value:,.0f} ms" if unit == "ms" else f"{value:.2f} s"


def compared(result):
    """Yields each peer's name with its ratio: above 1, acspass takes less time or makes more requests."""
    own = statistics.median(result["values"]["acspass"])
    for name in COMPARISONS[result["comparison"]][2]:
        median = statistics.median(result["values"][name])
        yield name, median, own / median if result["unit"] == "per second" else median / own


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def condition(result):
    if result["comparison"] in ("stale_get", "sign_in"):
        return f"round trip {result['condition']}"
    return result["condition"]


def medians(results):
    rows = []
    for result in results:
        title, _, labels = COMPARISONS[result["comparison"]]
        own = number(statistics.median(result["values"]["acspass"]), result["unit"])
        what = ", ".join(filter(None, [title, condition(result)]))
        for name, median, ratio in compared(result):
            runs = str(len(result["values"][name]))
            rows.append([what, own, labels[name], number(median, result["unit"]), f"{ratio:.1f}", runs])
    return table(["comparison", "acspass", "peer", "its median", "ratio", "runs each"], rows)


def others(results):
    """The other figures of each program, at the first condition of its comparison."""
    rows = {}
    for result in results:
        title, _, labels = COMPARISONS[result["comparison"]]
        for name, texts in result["other"].items():
            rows.setdefault((title, name), [title, labels.get(name, name), "; ".join(texts)])
    return table(["comparison", "program", "figures"], rows.values())


def has_other_load(loads):
    return max(load["busy"] for load in loads) > BUSY


def is_quick(environment):
    return "--quick" in environment["command"]


def page(results, environment, loads):
    own, busy = environment["acspass"], [load["busy"] for load in loads]
    others_used = f"other programs used {statistics.mean(busy):.0%} of the CPU time ({max(busy):.0%} at most)"
    build = f"commit {own['commit']}" if own["commit"] else f"a build with SHA-256 `{own['sha256'][:16]}…`"
    versions = {"acspass": f"{own['version']}, {build}, {own['bytes']:,} bytes", **environment["versions"]}
    reasons = [f"between the comparisons, {others_used}"] if has_other_load(loads) else []
    reasons += ["the runs are few"] if is_quick(environment) else []
    trial = "**These figures are a trial**: " + ", and\n".join(reasons) + ".\n\n" if reasons else ""
    jobs = "\n".join(
        f"### {title.replace('`', '').capitalize()}\n\n{JOBS[key]}\nScript: `benches/{script}`.\n"
        for key, (title, script, _) in COMPARISONS.items()
    )
    facts = {
        **environment["machine"],
        "other load": f"between the comparisons, {others_used}",
        "date": environment["date"],
        "command": f"`{environment['command']}`, {environment['minutes']} minutes without the build",
    }
    return f"""\
# Compared with peers

*This page and its chart are written by `benches/peers.sh`: change `benches/peers/page.py`, then run it.*

{trial}acspass beside public packages that do the same jobs, in one run on one machine. Each comparison is
interleaved: the programs take turns in each round. Entra ID and the resource are the emulator of acspass on the same
machine, so that the figures have no time of a real network or service.

![Ratios of the medians, as in the table below](../../assets/pictures/peers.svg)

## Medians

Times are wall times of whole processes. The ratio is the peer's median divided by that of acspass; for `serve`, it is
the other way round. Above 1, acspass is faster.

{medians(results)}
The programs in Python and Node spend most of a short run in loading their interpreter and modules. A program that
runs on does that once.

## What each program does

{jobs}
## Other figures

{others(results)}
## Versions

The packages of npm and PyPI are pinned in `benches/peers`, with all that they depend on.

{table(["program", "version"], [[name, version] for name, version in versions.items()])}
## Machine and run

{table(["", ""], [[name, value] for name, value in facts.items()])}"""


def main():
    folder = pathlib.Path(sys.argv[1])
    read = lambda name: [json.loads(line) for line in (folder / name).read_text().splitlines()]
    results, loads = read("results.jsonl"), read("load.jsonl")
    environment = json.loads((folder / "environment.json").read_text())
    absent = COMPARISONS.keys() - {result["comparison"] for result in results}
    if absent:
        sys.exit(f"no results of {', '.join(absent)}")
    (ROOT / "docs/reference/peers.md").write_text(page(results, environment, loads))
    groups = []
    for result in results:
        title, _, labels = COMPARISONS[result["comparison"]]
        own = number(statistics.median(result["values"]["acspass"]), result["unit"])
        what = ", ".join(filter(None, [title.replace("`", ""), condition(result)]))
        rows = [
            (labels[name], ratio, number(median, result["unit"])) for name, median, ratio in compared(result)
        ]
        groups.append((f"{what}: acspass {own}", rows))
    kind = "A trial" if has_other_load(loads) or is_quick(environment) else "One run"
    note = f"{kind} of {environment['date']}, medians. Logarithmic scale. For serve: how many times fewer requests."
    (ROOT / "assets/pictures/peers.svg").write_text(chart.draw(groups, note))


main()
