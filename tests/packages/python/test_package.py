"""The wheel: its program, its fixture, and the refreshers."""

import asyncio
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import acspass
import pytest
from acspass import program_path, tokens
from azure.communication.chat import CommunicationTokenCredential

ROOT = Path(os.environ["PACKAGES_ROOT"])


def test_the_refreshers_are_the_file_to_copy():
    example = ROOT / "examples/refreshers/python/acspass_tokens.py"
    assert Path(tokens.__file__).read_bytes() == example.read_bytes()


def test_a_credential_gets_its_tokens_from_the_service(monkeypatch):
    command = [program_path(), "serve", "--emulator", "--port", "0", "-o", "json"]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        said = json.loads(service.stdout.readline())
        monkeypatch.setenv("ACSPASS_SERVE_URL", said["url"])
        monkeypatch.setenv("ACSPASS_SERVE_SECRET_FILE", said["secretFile"])
        refresher = tokens.TokenRefresher()
        first = refresher().token
        with CommunicationTokenCredential(first, token_refresher=refresher, proactive_refresh=True) as credential:
            assert credential.get_token().token.startswith("eyJ")
        assert asyncio.run(tokens.AsyncTokenRefresher()()).token.startswith("eyJ")
    finally:
        service.terminate()
        service.communicate()
    with pytest.raises(tokens.AcspassError) as failed:
        refresher = tokens.TokenRefresher()
        refresher()
    assert failed.value.kind == "unreachable"


def test_the_module_needs_no_package():
    folder = Path(acspass.__file__).parents[1]
    script = f"import sys; sys.path.append({str(folder)!r}); sys.modules['azure'] = None; import acspass"
    subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True)


def test_python_m_acspass_is_the_program():
    program = subprocess.run([program_path(), "inspect"], input=b"no token", capture_output=True)
    module = subprocess.run([sys.executable, "-m", "acspass", "inspect"], input=b"no token", capture_output=True)
    assert (module.returncode, module.stdout, module.stderr) == (
        program.returncode,
        program.stdout,
        program.stderr,
    )


def test_a_missing_program_is_one_sentence(tmp_path):
    copy = tmp_path / "site"
    copy.mkdir()
    (copy / "acspass").symlink_to(Path(acspass.__file__).parent)
    # A Python without the program beside it.
    script = f"import sys; sys.path.insert(0, {str(copy)!r}); import acspass._program as p; p._folders = lambda: iter([]); p.program_path()"
    failed = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8")
    assert "FileNotFoundError: the program of the package acspass is missing: run `pip install" in failed.stderr


@pytest.mark.parametrize("tag", ["win_arm64", "manylinux_2_99_x86_64"])
def test_pip_refuses_a_wheel_of_another_platform(tmp_path, tag):
    wheel = tmp_path / f"acspass-{version('acspass')}-py3-none-{tag}.whl"
    wheel.write_bytes(Path(os.environ["PACKAGES_WHEEL"]).read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(tmp_path / "to"), str(wheel)]
    failed = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert failed.returncode == 1
    assert "is not a supported wheel on this platform" in failed.stderr
    assert not (tmp_path / "to").exists()


def test_a_program_of_a_target_folder_is_found(tmp_path):
    wheel = os.environ["PACKAGES_WHEEL"]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(tmp_path)]
    subprocess.run([*pip, "--disable-pip-version-check", wheel], check=True)
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import acspass; print(acspass.program_path())"
    other = subprocess.check_output(["/usr/bin/python3", "-I", "-c", script], encoding="utf-8").strip()
    assert other == str(tmp_path / "bin" / "acspass")


def test_each_worker_of_xdist_has_one_of_its_own(tmp_path):
    test = "def test_own(acs_emulator):\n    print(acs_emulator.url)\n    assert acs_emulator.journal() == []\n"
    for name in "ab":
        (tmp_path / f"test_{name}.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-n", "2", "-rP", "-p", "no:cacheprovider", str(tmp_path)]
    output = subprocess.check_output(command, cwd=tmp_path, encoding="utf-8")
    urls = {line for line in output.splitlines() if line.startswith("http://")}
    assert len(urls) == 2, output
