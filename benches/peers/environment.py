"""Prints the versions of all programs and a description of the machine, as JSON.

    environment.py ACSPASS COMMIT PEERS COMMAND SECONDS
"""

import hashlib
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

PYTHON = ["msal", "azure-communication-identity", "keyring", "requests"]
DEBIAN = ["libsecret-tools", "gnome-keyring", "hyperfine", "wrk"]


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def field(file, name):
    for line in pathlib.Path(file).read_text().splitlines():
        if line.startswith(name):
            return line.split(":" if ":" in line else "=", 1)[1].strip().strip('"')
    return ""


acspass, commit, peers, command, seconds = sys.argv[1:]
binary = pathlib.Path(acspass).read_bytes()
python = f"{peers}/venv/bin/python"
modules = pathlib.Path(peers, "javascript")
javascript = json.loads((modules / "package.json").read_text())["dependencies"]
packages = {
    f"{name} (npm)": json.loads((modules / "node_modules" / name / "package.json").read_text())["version"]
    for name in javascript if name != "node"
}
for name in PYTHON:
    script = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    packages[f"{name} (PyPI)"] = output(python, "-c", script, name)
for name in DEBIAN:
    packages[f"{name} (Debian)"] = output("dpkg-query", "-W", "-f", "${Version}", name) or "unknown"
virtual = [kind for kind in (output("systemd-detect-virt", option) for option in ("--vm", "--container")) if kind]
memory_kib = int(field("/proc/meminfo", "MemTotal").split()[0])
print(json.dumps({
    "date": time.strftime("%Y-%m-%d", time.gmtime()),
    "command": command,
    "minutes": round(int(seconds) / 60, 1),
    "acspass": {
        "version": output(acspass, "--version").split()[-1],
        "commit": commit,
        "sha256": hashlib.sha256(binary).hexdigest(),
        "bytes": len(binary),
    },
    "versions": {
        "Node": output(f"{modules}/node_modules/.bin/node", "--version").lstrip("v"),
        "Python": output(python, "-c", "import platform; print(platform.python_version())"),
        **packages,
    },
    "machine": {
        "CPU": f"{os.cpu_count()} cores, {field('/proc/cpuinfo', 'model name') or platform.machine()}",
        "memory": f"{memory_kib / 1024 ** 2:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "system": field("/etc/os-release", "PRETTY_NAME"),
        "virtualisation": ", ".join(virtual) or "unknown",
    },
}, indent=1))
