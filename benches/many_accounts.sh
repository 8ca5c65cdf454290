#!/usr/bin/env bash
# What `status` and `get` cost with 1,000 accounts, against what they cost with one.
#
# Three homes on private session buses, each with a gnome-keyring of its own: one account; 1,000
# accounts of one tenancy; 1,000 tenancies (profiles, say) of one account each. The accounts that are
# asked for have signed in at the emulator; the others are copies of them under other names, in the
# index and in the keyring. What is looked for stands last, where it costs most. `secret-tool lookup`
# of the same item tells what the keyring itself takes longer. Nothing of yours is read or written.
# All commands are run in turns, ROUNDS times RUNS each; CPU time is the kernel's for the process, and
# the ratios are those of the medians of all runs.
#
#   benches/many_accounts.sh                 builds the release binary and measures it
#   ACSPASS=/path/to/acspass benches/many_accounts.sh
#   ACCOUNTS=1000 ROUNDS=30 RUNS=20 benches/many_accounts.sh
#   COPIES=index benches/many_accounts.sh    puts none of the copies into the keyring
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
needs gnome-keyring-daemon gnome-keyring secret-tool libsecret-tools dbus-daemon dbus-daemon python3 python3-minimal
find_acspass

scratch=$(mktemp -d)
pids=()
stop() {
    kill "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap stop EXIT

exec {said}< <(exec "$ACSPASS" emulator --https-port 0 --http-port 0 -o json 2>/dev/null)
emulator_pid=$!
pids+=("$emulator_pid")
read -r -t 60 -u "$said" described
of_emulator() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$described" "$1"; }
users=("$(of_emulator username)" ben@contoso.example)
settings=(
    PATH="$PATH" TMPDIR="$scratch"
    ACSPASS_TENANT_ID="$(of_emulator tenantId)"
    ACSPASS_CLIENT_ID="$(of_emulator clientId)"
    AZURE_AUTHORITY_HOST="$(of_emulator url)"
    ACSPASS_CA_FILE="$(of_emulator caFile)"
    COMMUNICATION_SERVICES_CONNECTION_STRING="$(of_emulator connectionString)"
    BROWSER="python3 '$here/browser.py'"
)
in_home() {
    local home=$scratch/$1
    shift
    env -i "${settings[@]}" HOME="$home" XDG_RUNTIME_DIR="$home/run" \
        DBUS_SESSION_BUS_ADDRESS="unix:path=$home/bus" "$@"
}

for name in one tenancy tenancies; do
    mkdir -p -m 700 "$scratch/$name/run"
    pids+=("$(in_home "$name" dbus-daemon --session --fork --print-pid --address="unix:path=$scratch/$name/bus")")
    # Unlocked by a password on its standard input, which makes the default collection. It goes
    # into the background by itself and ends with the bus.
    printf bench | in_home "$name" gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
    signed_in=("${users[0]}")
    if [ "$name" = tenancy ]; then signed_in+=("${users[1]}"); fi
    for user in "${signed_in[@]}"; do
        in_home "$name" "$ACSPASS" --quiet login --account "$user"
        in_home "$name" "$ACSPASS" --quiet get --no-interactive --account "$user" >/dev/null
    done
done
# From here on there is no service to ask, so what is measured is the kept token.
kill "$emulator_pid"

cat >"$scratch/measure.py" <<'PY'
import copy, json, os, platform, shutil, statistics as st, subprocess, sys, time, uuid

scratch, acspass, active_user, last_user = sys.argv[1:5]
accounts, rounds, runs = map(int, sys.argv[5:8])
copies_go = sys.argv[8]
settings = dict(os.environ)
secret_tool = shutil.which("secret-tool")
QUIET = ["--no-interactive"]


def environment(name):
    home = f"{scratch}/{name}"
    return settings | {
        "HOME": home,
        "XDG_RUNTIME_DIR": home + "/run",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home}/bus",
    }


def output(name, *command, **more):
    return subprocess.run(command, env=environment(name), check=True, stdout=subprocess.PIPE, **more).stdout


def item(entry):
    where = entry["tenancy"]
    return (f"session {entry['account']['home_account_id']} at {where['authority_host']}"
            f" {where['tenant']} {where['client_id']}")


def read(name):
    """The index, and what of it is looked for."""
    path = f"{scratch}/{name}/.local/state/acspass/index.json"
    index = json.load(open(path))
    return path, index, (index["others"] or index["active"])[-1]


def fill(name):
    """Adds copies of what is there, before it, until there are enough."""
    path, index, pattern = read(name)
    kept = output(name, "secret-tool", "lookup", "service", "acspass", "username", item(pattern))
    copies = []
    for number in range(accounts - len(index["active"]) - len(index["others"])):
        entry = copy.deepcopy(pattern)
        if name == "tenancy":
            entry["account"]["username"] = f"user-{number}@contoso.example"
            entry["account"]["object_id"] = str(uuid.uuid4())
            entry["account"]["home_account_id"] = f"{uuid.uuid4()}.{entry['account']['tenant_id']}"
        else:
            entry["tenancy"]["tenant"] = str(uuid.uuid4())
        if copies_go != "index":
            output(name, "secret-tool", "store", "--label=copy", "service", "acspass",
                   "username", item(entry), input=kept)
        copies.append(entry)
    place = "others" if name == "tenancy" else "active"
    index[place] = copies + index[place]
    json.dump(index, open(path, "w"))
    # Lets acspass write the file in its own form.
    output(name, acspass, "--quiet", "account", "switch", active_user)
    return os.path.getsize(path)


HOMES = {"one": active_user, "tenancy": last_user, "tenancies": active_user}
items = {name: item(read(name)[2]) for name in HOMES}
COMMANDS = {
    "status": lambda name: [acspass, "status"],
    "status -o json": lambda name: [acspass, "status", "-o", "json"],
    "get": lambda name: [acspass, "get", *QUIET],
    "get --account": lambda name: [acspass, "get", *QUIET, "--account", HOMES[name]],
    "secret-tool": lambda name: [secret_tool, "lookup", "service", "acspass", "username", items[name]],
}


def run(name, command):
    """Wall and CPU seconds of one run."""
    words = COMMANDS[command](name)
    start = time.perf_counter()
    pid = os.posix_spawn(words[0], words, environments[name], file_actions=to_nothing)
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"{name}: {words}: status {status}")
    return wall, used.ru_utime + used.ru_stime


environments = {name: environment(name) for name in HOMES}
nothing = os.open(os.devnull, os.O_WRONLY)
to_nothing = [(os.POSIX_SPAWN_DUP2, nothing, 1)]
sizes = {name: fill(name) for name in ("tenancy", "tenancies")}
listed = json.loads(output("tenancy", acspass, "status", "-o", "json"))["accounts"]
if len(listed) != accounts or not output("tenancy", acspass, "get", *QUIET, "--account", last_user):
    sys.exit("the accounts are not there")

samples = {(name, command): [] for name in HOMES for command in COMMANDS}
for key in samples:
    run(*key)
for round in range(rounds):
    for command in COMMANDS:
        for _ in range(runs):
            # Whoever begins may find the machine in another state, so they take turns at that.
            for name in list(HOMES)[:: 1 if round % 2 == 0 else -1]:
                samples[name, command].append(run(name, command))

print(f"{rounds} rounds of {runs} runs each, in turns; {os.cpu_count()} cores, {platform.machine()}")
print(f"{accounts:,} accounts of one tenancy ({sizes['tenancy']:,} bytes of index), and {accounts:,} "
      f"tenancies of one account each ({sizes['tenancies']:,} bytes)")
print(f"{'wall, median':16}{'one account':>14}{'one tenancy':>14}{'ratio':>8}{'tenancies':>14}{'ratio':>8}")
for title, part in (("wall, median", 0), ("CPU, median", 1)):
    if part:
        print(title)
    for command in COMMANDS:
        one, tenancy, tenancies = (
            1e3 * st.median(sample[part] for sample in samples[name, command]) for name in HOMES
        )
        print(f"{command:16}{one:>11.2f} ms{tenancy:>11.2f} ms{tenancy / one:>8.2f}"
              f"{tenancies:>11.2f} ms{tenancies / one:>8.2f}")
PY
env -i "${settings[@]}" python3 "$scratch/measure.py" "$scratch" "$ACSPASS" "${users[@]}" \
    "${ACCOUNTS:-1000}" "${ROUNDS:-15}" "${RUNS:-20}" "${COPIES:-everywhere}"
