"""The crates of the program, as cargo resolves them for a target and Cargo.lock pins them."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def crates(target: str, features: str = "") -> list[dict]:
    """Returns the packages that are linked into the program, sorted by name and version. `features` are
    features in addition to the default ones.

    Procedural macros and build scripts run at compile time only, so that they and their
    dependencies are not among them.
    """
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", target]
    command += ["--features", features] if features else []
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found, waiting = set(), [root]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        for dependency in nodes[current]["deps"]:
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if is_linked and not is_macro(packages[dependency["pkg"]]):
                waiting.append(dependency["pkg"])
    found.remove(root)
    return sorted((packages[one] for one in found), key=lambda one: (one["name"], one["version"]))


def is_macro(package: dict) -> bool:
    return any("proc-macro" in target["kind"] for target in package["targets"])
