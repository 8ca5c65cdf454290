#!/usr/bin/env python3
"""Writes docs/reference/dependencies.md: the cost of each direct dependency of the command.

Compiles the release with its symbols in target/dependencies, from nothing. Each call of rustc records its CPU time,
so that other programs on the machine change the seconds little. Needs cargo, git, nm and strip (binutils).

    benches/dependencies.py
    benches/dependencies.py --again     writes the page from the build of the last run
"""

import collections
import json
import os
import pathlib
import platform
import re
import resource
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/reference/dependencies.md"
FOLDER = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "dependencies"
LOG, FACTS = FOLDER / "rustc.jsonl", FOLDER / "facts.json"
STANDARD = {"core", "alloc", "std", "compiler_builtins", "gimli", "addr2line", "object", "rustc_demangle",
            "std_detect", "panic_abort", "unwind"}
# Their functions are made for the types of others, as those of the standard library are.
GENERIC = {"hashbrown", "indexmap", "parking", "pin_project_lite", "smallvec"}
# A crate of several dependencies is listed from here on.
LISTED_BYTES, LISTED_SECONDS = 40_000, 4
NUMBERS = {"crates", "direct dependencies", "seconds", "KB"}

PURPOSES = {
    "arboard": "the clipboard, for `get --copy`",
    "argon2": "the key of a sealed file, from a passphrase",
    "askama": "pages with escaped values",
    "async-io": "the connection to the Secret Service",
    "async-trait": "credentials for `azure_identity`",
    "axum": "routes of the emulator and of `serve`",
    "azure_core": "types of Entra credentials for the resource",
    "azure_identity": "Entra credentials for the resource",
    "base64": "Base64 in tokens, keys and signatures",
    "clap": "arguments and help",
    "clap_mangen": "manual pages",
    "etcetera": "folders of the system",
    "fastrand": "random pauses between retries",
    "futures-util": "several requests at a time",
    "hmac": "signatures of requests",
    "httparse": "requests to the redirect listener",
    "hyper": "HTTP/1 of the servers",
    "hyper-util": "connections of the servers, proxies of the system",
    "icu_properties": "invisible and reordering characters",
    "indicatif": "progress",
    "jiff": "times and durations",
    "keyring": "the keyring of each system",
    "landlock": "confinement of `serve`: files",
    "libc": "numbers of system calls",
    "linux-keyutils": "the keyring of the kernel",
    "listenfd": "listeners that systemd opens",
    "memchr": "the search in the index",
    "nix": "namespaces of `emulator exec --real-hosts`",
    "oauth2": "the protocol of the sign-in",
    "open": "the browser",
    "percent-encoding": "parts of addresses",
    "qrcode": "the QR code of a device code",
    "rcgen": "the certificate authority of the emulator",
    "region": "secrets in memory that is not swapped",
    "reqwest": "the HTTP client",
    "ring": "signatures, ciphers, TLS",
    "rustix": "terminals, processes, files, limits",
    "rustls": "TLS",
    "rustls-platform-verifier": "the certificates that the system trusts",
    "rustls-webpki": "the reason that a certificate is refused",
    "seccompiler": "confinement of `serve`: system calls",
    "secret-service": "the Secret Service, without an encrypted session",
    "serde": "data in JSON and TOML",
    "serde_json": "JSON",
    "serde_path_to_error": "the key of an error in a seed",
    "sha2": "SHA-256",
    "shell-words": "commands in settings",
    "simple-dns": "the name server of `emulator exec --real-hosts`",
    "strsim": "the similar word for a typo",
    "subtle": "comparison of secrets in constant time",
    "tempfile": "files that are replaced whole",
    "terminal_size": "the width of the terminal",
    "textwrap": "lines that end between words",
    "tiny_http": "the redirect listener",
    "tokio": "the asynchronous runtime",
    "tokio-rustls": "TLS of the emulator",
    "toml_edit": "`config.toml` and seeds",
    "tower-layer": "a connection that opens before its request",
    "tower-service": "a connection that opens before its request",
    "tracing": "records for `-v`",
    "tracing-subscriber": "records for `-v`",
    "url": "addresses",
    "uuid": "ids",
    "x509-parser": "the names in a refused certificate",
    "zbus": "D-Bus, for the Secret Service",
    "zeroize": "secrets that are wiped from memory",
}

# Dependencies that serve one function of the command, and would be removed together.
FUNCTIONS = {
    "the Secret Service": ["keyring", "secret-service", "zbus", "async-io"],
    "sign-in and refresh: the protocol, HTTP and TLS of the client":
        ["oauth2", "reqwest", "rustls-platform-verifier", "rustls-webpki", "x509-parser", "tiny_http", "httparse"],
    "Entra credentials for the resource": ["azure_core", "azure_identity", "async-trait"],
    "arguments, help, manual pages": ["clap", "clap_mangen", "strsim", "textwrap", "terminal_size"],
    "the servers of the emulator and of `serve`": ["axum", "tokio-rustls", "rcgen", "simple-dns", "nix"],
    "`config.toml` and seeds": ["toml_edit", "serde_path_to_error"],
    "pages": ["askama"],
    "confinement of `serve`": ["landlock", "seccompiler"],
}

REMOVED = [
    ("`clap_complete`", "completion scripts",
     "The scripts of the five shells call the program, which also completes accounts, profiles and scopes."),
    ("`quick-xml`", "XML", "No code used it."),
    ("`windows-native-keyring-store`", "the Credential Manager of Windows",
     "`keyring` brings it. `keyring-core` has the two functions that `keyring` lacks."),
    ("`rpassword`, except on Windows", "hidden input",
     "A signal or a panic left the terminal without echo. A module on `rustix` restores it."),
    ("`aws-lc-rs`", "cryptography, the default of `rustls`",
     "`ring` does the same. `aws-lc-rs` would add 2.4 MB and 70 s of CPU time. `deny.toml` forbids it."),
    ("`openssl`, `native-tls`", "TLS", "`rustls` is the only TLS implementation. `deny.toml` forbids them."),
    ("`fmt` and `ansi` of `tracing-subscriber`", "the format of records", "`-v` has a format of its own."),
    ("the client of `oauth2`", "requests to Entra ID", "The client of the other requests sends them too."),
    ("`serde` of `toml_edit`", "reading seeds",
     "A second copy of the code that reads a seed took 0.5 MB. TOML is turned into JSON first."),
]


def record():
    """Runs rustc for cargo (RUSTC_WRAPPER), and records its CPU time."""
    # The jobserver of cargo is in inherited file descriptors.
    status = subprocess.call(sys.argv[1:], close_fds=False)
    name = os.environ.get("CARGO_PKG_NAME")
    if name and "--crate-name" in sys.argv:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = json.dumps({
            "package": [name, os.environ["CARGO_PKG_VERSION"]],
            "crate": sys.argv[sys.argv.index("--crate-name") + 1],
            "seconds": used.ru_utime + used.ru_stime,
        })
        with open(os.environ["DEPENDENCIES_LOG"], "a") as log:
            log.write(line + "\n")
    sys.exit(status)


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def build():
    """Compiles the program from nothing, and writes the facts of this build."""
    subprocess.run(["rm", "-rf", FOLDER], check=True)
    FOLDER.mkdir(parents=True)
    dirty = output("git", "status", "--porcelain", "--", "src", "assets", "Cargo.toml", "Cargo.lock")
    output("cargo", "fetch", "--locked")
    # Names in this form have the types of generic functions.
    environment = os.environ | {
        "CARGO_TARGET_DIR": str(FOLDER), "CARGO_PROFILE_RELEASE_STRIP": "false", "CARGO_INCREMENTAL": "0",
        "RUSTFLAGS": "-C symbol-mangling-version=v0", "RUSTC_WRAPPER": str(ROOT / "benches/dependencies.py"),
        "DEPENDENCIES_LOG": str(LOG),
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "acspass", "--timings"],
                   cwd=ROOT, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    models = re.findall(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    FACTS.write_text(json.dumps({
        "wall": time.monotonic() - start,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "commit": output("git", "rev-parse", "--short=12", "HEAD").strip() + (" with changes" if dirty else ""),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "rustc": " ".join(output("rustc", "-V").split()[:2]),
        "machine": f"{os.cpu_count()} cores, {(models or [platform.machine()])[0]}, {platform.machine()}",
    }))


def graph(edges):
    """Returns the packages that each package needs, by name and version, and the root."""
    needs, above = {}, []
    listing = output("cargo", "tree", "--locked", "-e", edges, "--prefix", "depth", "--format", " {p}")
    for line in listing.splitlines():
        depth, name, version = line.split()[:3]
        package, depth = (name, version.removeprefix("v")), int(depth)
        needs.setdefault(package, set())
        del above[depth:]
        if above:
            needs[above[-1]].add(package)
        above.append(package)
    return needs, next(iter(needs))


def reachable(needs, root, without=()):
    """Returns what the root needs, without some of its direct dependencies."""
    found, todo = set(), list(needs[root] - set(without))
    while todo:
        package = todo.pop()
        if package not in found:
            found.add(package)
            todo.extend(needs[package])
    return found


def seconds_of_packages():
    """Returns the CPU seconds of each package, and the names of its libraries."""
    seconds, crates = collections.Counter(), collections.defaultdict(set)
    for line in LOG.read_text().splitlines():
        entry = json.loads(line)
        seconds[tuple(entry["package"])] += entry["seconds"]
        crates[tuple(entry["package"])].add(entry["crate"])
    # The wrapper does not see what build scripts do: the C code of `ring` is compiled there.
    page = (FOLDER / "cargo-timings/cargo-timing.html").read_text()
    units, _ = json.JSONDecoder().raw_decode(page, page.index("UNIT_DATA = ") + len("UNIT_DATA = "))
    for unit in units:
        if "(run)" in unit["target"]:
            seconds[(unit["name"], unit["version"])] += unit["duration"]
    return seconds, crates


def bytes_of_crates(program):
    """Returns the bytes of the symbols of each crate. A generic function of the standard library belongs to the first
    other crate in its name."""
    sizes = collections.Counter()
    for line in output("nm", "--print-size", "--demangle", "--radix=d", program).splitlines():
        # Address, size, kind, name. A symbol without a size, and one without bytes in the file, costs nothing.
        symbol = re.match(r"\d+ (\d+) ([^bB]) (.*)", line)
        if not symbol:
            continue
        named = re.findall(r"(?<![:\w])([a-z_]\w*)(?=::)", symbol[3])
        if named:
            others = [name for name in named if name not in STANDARD]
            crate = next((name for name in others if name not in GENERIC), (others or ["std"])[0])
        else:
            crate = "ring" if "ring_core" in symbol[3] else "std"
        sizes[crate] += int(symbol[1])
    return sizes


def table(head, rows):
    lines = [head, ["---:" if name in NUMBERS else "---" for name in head], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def costs(*values):
    """Returns the text of a number of crates, if it is there, of seconds, and of bytes."""
    *crates, seconds, size = values
    return [*map(str, crates), f"{seconds:.1f}", f"{size / 1000:,.0f}"]


def by_bytes(rows):
    return [[*texts, *costs(*values)] for texts, values in sorted(rows, key=lambda row: -row[1][-1])]


def page():
    facts = json.loads(FACTS.read_text())
    program = FOLDER / "release/acspass"
    stripped = FOLDER / "stripped"
    output("strip", "-o", stripped, program)
    total = stripped.stat().st_size
    seconds, libraries = seconds_of_packages()
    sizes = bytes_of_crates(program)

    compiled, root = graph("normal,build")
    linked, _ = graph("normal,no-proc-macro")
    direct = sorted(compiled[root])
    names = {name for name, _ in direct}
    if names != PURPOSES.keys():
        sys.exit(f"PURPOSES lacks {names - PURPOSES.keys()}, and has too many: {PURPOSES.keys() - names}")

    def libraries_of(packages):
        return {crate for package in packages for crate in libraries[package]}

    everything = reachable(compiled, root)
    in_program = libraries_of(reachable(linked, root))

    def removal(packages):
        """Returns the packages and the libraries in the program that vanish with these direct dependencies."""
        # Another version of a library may stay, and symbols have no version.
        return (everything - reachable(compiled, root, packages),
                in_program - libraries_of(reachable(linked, root, packages)))

    def cost(packages, crates):
        return len(packages), sum(seconds[one] for one in packages), sum(sizes[one] for one in crates)

    alone, further = [], []
    alone_all, alone_crates = set(), set()
    for package in direct:
        packages, crates = removal([package])
        alone_all |= packages
        alone_crates |= crates
        if package in packages:
            alone.append(([f"`{package[0]}`", PURPOSES[package[0]]], cost(packages, crates)))
        else:
            others = [f"`{other[0]}`" for other in direct if package in reachable(compiled, other)]
            shown = ", ".join(others[:2]) + (f" and {len(others) - 2} more" if len(others) > 2 else "")
            crates = libraries[package] & in_program
            further.append(([f"`{package[0]}`", PURPOSES[package[0]], shown], cost([package], crates)[1:]))
    functions = []
    for function, dependencies in FUNCTIONS.items():
        removed = [package for package in direct if package[0] in dependencies]
        if len(removed) != len(dependencies):
            sys.exit(f"FUNCTIONS has dependencies that the program lacks: {dependencies}")
        names = ", ".join(f"`{name}`" for name in dependencies)
        functions.append(([function, names], cost(*removal(removed))))
    shared = everything - alone_all
    indirect = []
    for package in shared - set(direct):
        _, time_of, size = cost([package], libraries[package] & in_program - alone_crates)
        if size >= LISTED_BYTES or time_of >= LISTED_SECONDS:
            by = sum(package in reachable(compiled, one) for one in direct)
            indirect.append(([f"`{package[0]}` {package[1].split('+')[0]}", f"{by}"], (time_of, size)))

    own = seconds[root]
    own_bytes = sizes["acspass"]
    alone_cost = cost(alone_all, alone_crates)
    shared_bytes = sum(sizes.values()) - own_bytes - alone_cost[2] - sizes["std"]
    sums = [
        ["crates of one direct dependency", *costs(*alone_cost)],
        ["crates of several", *costs(len(shared), sum(seconds[one] for one in shared), shared_bytes)],
        ["acspass, and the optimization of the whole program", *costs(1, own, own_bytes)],
        ["the standard library", "", "", f"{sizes['std'] / 1000:,.0f}"],
        ["texts, tables, relocations and unwind tables, which have no symbol", "", "",
         f"{(total - sum(sizes.values())) / 1000:,.0f}"],
        ["**all**", *costs(len(everything) + 1, sum(seconds.values()), total)],
    ]

    PAGE.write_text(f"""\
# Dependencies

*This page is written by `benches/dependencies.py`: change the script, then run it.*

The cost of the crates of `acspass` with its default features, on Linux: {len(direct)} direct dependencies and
{len(everything) - len(direct)} that they bring. Other systems, and the features `exchange-service` and `wayland`, have
further ones. `tests/run.sh` limits the number of crates. `tests/packages/build_budget.sh` limits the CPU time of a
build from nothing.

- **Crates**: the packages that only this dependency brings, so that they would vanish with it.
- **Seconds**: the CPU time of rustc, and the wall time of build scripts (`ring` compiles C and assembly). The
  machine code of most crates is made when the whole program is optimized (`lto = "fat"`), which is in the row of
  acspass.
- **KB**: thousands of bytes of code and data in the program, by the names of its symbols. A generic function of the
  standard library belongs to the crate of its types.

## Direct dependencies that nothing else brings

Seconds and KB are those of all crates that would vanish.

{table(["dependency", "purpose", "crates", "seconds", "KB"], by_bytes(alone))}
## Direct dependencies that others bring too

A build would compile these crates anyway. Seconds and KB are those of the crate itself.

{table(["dependency", "purpose", "brought by", "seconds", "KB"], by_bytes(further))}
## Further crates of several dependencies

Those with at least {LISTED_BYTES // 1000} KB or {LISTED_SECONDS} seconds.

{table(["crate", "direct dependencies", "seconds", "KB"], by_bytes(indirect))}
## Functions

The cost of several dependencies that would be removed together.

{table(["function", "dependencies", "crates", "seconds", "KB"], by_bytes(functions))}
## Sums

{table(["", "crates", "seconds", "KB"], sums)}
The build took {facts["wall"]:.0f} s, with {facts["cpu"]:.0f} s of CPU time. Other programs on the machine lengthen the first
of them a lot, and the second a little.

## Removed and avoided

{table(["dependency", "was for", "reason"], [list(row) for row in REMOVED])}
## This run

| | |
| --- | --- |
| command | `benches/dependencies.py` |
| machine | {facts["machine"]} |
| compiler | {facts["rustc"]}, profile `release` with symbols |
| commit | {facts["commit"]} |
| date | {facts["date"]} |
""")
    print(f"{PAGE.relative_to(ROOT)}: {len(direct)} direct dependencies, {total:,} bytes, {facts['cpu']:.0f} s of CPU")


if __name__ == "__main__":
    if "DEPENDENCIES_LOG" in os.environ:
        record()
    if sys.argv[1:] not in ([], ["--again"]):
        sys.exit("usage: benches/dependencies.py [--again]")
    if not sys.argv[1:]:
        build()
    page()
