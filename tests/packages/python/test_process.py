"""The process of a private emulator: it ends with ``stop``, and with the process that started it."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from acspass import EmulatorError, start_emulator

PRELUDE = "from acspass import start_emulator; emulator = start_emulator()\n"
PRINT = "print(emulator.url, flush=True)\n"


def starter(then, **options):
    """Starts a process that starts an emulator and prints its address; returns both."""
    script = PRELUDE + (then if PRINT.strip() in then else PRINT + then)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        # A shell's background jobs ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )
    return process, process.stdout.readline().strip()


def assert_gone(url):
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.URLError:
            return
        except ConnectionError:
            pass  # It ends just now.
        assert time.monotonic() < deadline, f"{url} still answers"
        time.sleep(0.02)


def test_it_ends_with_stop_which_may_be_repeated():
    emulator = start_emulator()
    emulator.stop()
    emulator.stop()
    assert_gone(emulator.url)


def test_it_ends_if_its_process_is_killed():
    process, url = starter("import time; time.sleep(60)")
    process.kill()
    process.communicate()
    assert_gone(url)


def test_a_process_that_does_not_stop_it_ends_nevertheless():
    process, url = starter("")
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert_gone(url)


def test_ctrl_c_lets_the_tests_end_first():
    then = "\n".join(
        [
            "import sys, time",
            f"try: {PRINT.strip()}; time.sleep(60)",
            "except KeyboardInterrupt:",
            "    for _ in range(20): emulator.sign_in()",
            "    emulator.stop(); sys.exit(7)",
        ]
    )
    process, url = starter(then, start_new_session=True)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 7
    assert_gone(url)


def test_a_forked_process_does_not_keep_it():
    then = "\n".join(
        [
            "import os, time",
            "child = os.fork()",
            "if child == 0: time.sleep(60); os._exit(0)",
            "started = time.monotonic(); emulator.stop()",
            "assert time.monotonic() - started < 8",
            "os.kill(child, 9)",
        ]
    )
    process, url = starter(then)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert_gone(url)


def test_variables_of_the_user_lead_it_nowhere_else(monkeypatch):
    monkeypatch.setenv("ACSPASS_OUTPUT", "nonsense")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "nonsense")
    monkeypatch.setenv("PYTHONHOME", "/no/such/folder")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with start_emulator() as emulator:
        assert emulator.sign_in().username


def test_a_start_that_fails_gives_the_programs_reason():
    with pytest.raises(EmulatorError) as failed:
        start_emulator(seed="/no/such/file")
    reason = "the emulator did not start: error: could not read the seed `/no/such/file`"
    assert str(failed.value).startswith(reason)
    with pytest.raises(EmulatorError, match="did not start: could not run /no/such/program"):
        start_emulator(program="/no/such/program")


def test_a_start_that_takes_too_long_ends(tmp_path):
    program = tmp_path / "acspass"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    with pytest.raises(EmulatorError, match="did not start: timed out after 0.1 s"):
        start_emulator(program=str(program), timeout=0.1)


def test_nothing_is_left_in_the_home_folder():
    assert list(Path.home().iterdir()) == []
