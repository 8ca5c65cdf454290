#!/usr/bin/env python3
"""Runs each command in a terminal of 40, 80 and 120 columns, with colour and with NO_COLOR, and checks its
screens: no word is broken at the right edge, no word depends on the width, and only colour is removed.

    screens.py ACSPASS FOLDER [NAME...]

Writes each screen to FOLDER. With NAME, runs these scenes only."""

import fcntl
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import screen_rules
from screen_scenes import scenes
from walk import sign_in

WIDTHS = (40, 80, 120)
DEADLINE_SECONDS = 20


class Terminal:
    """A process in a terminal of its own."""

    def __init__(self, arguments, environment, columns):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), slave)
        self.process = subprocess.Popen(arguments, env=environment, start_new_session=True, **streams)
        os.close(slave)
        self.output = b""
        self.deadline = time.monotonic() + DEADLINE_SECONDS

    def read(self):
        """Reads what the process writes next; returns false at its end."""
        rest = self.deadline - time.monotonic()
        if rest <= 0 or not select.select([self.master], [], [], rest)[0]:
            raise AssertionError(f"no end within {DEADLINE_SECONDS} s; the screen:\n{self.text()}")
        try:
            part = os.read(self.master, 65536)
        except OSError:  # EIO: no process has the terminal open.
            part = b""
        self.output += part
        return bool(part)

    def text(self):
        return self.output.decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, words):
        """Waits for words, wherever the lines end."""
        while "".join(words.split()) not in "".join(screen_rules.without_colour(self.text()).split()):
            if not self.read():
                raise AssertionError(f"no `{words}` on the screen:\n{self.text()}")

    def end(self):
        while self.read():
            pass
        return self.process.wait(timeout=DEADLINE_SECONDS)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


class Stage:
    """The emulator, and home folders in the states that the scenes begin with."""

    def __init__(self, acspass, work):
        self.acspass, self.work = acspass, work
        self.emulators = []
        self.world = self.emulator()
        self.states = {"new": work / "new"}
        self.states["new"].mkdir()
        (self.states["new"] / "key").write_bytes(os.urandom(32))
        (self.states["new"] / "key").chmod(0o600)
        self.state("signed-in", "new", ["ada@contoso.example"], "get")
        self.state("two", "signed-in", ["ben@contoso.example"])
        self.state("none-active", "two", [], "logout")
        binding = {"tenant": "tenantId", "client-id": "clientId", "authority-host": "httpUrl"}
        settings = [f"config set {key} {self.world[name]}" for key, name in binding.items()]
        work = [f"--profile work {command}" for command in (*settings, "config set exchange entra")]
        test = "--profile test config set tenant fabrikam.example"
        self.state("profiles", "two", [], *work, test, "profile use work")
        self.token = self.run(self.states["signed-in"], "get")
        short = self.emulator("--token-life", "1s")
        self.world["shortUrl"] = short["httpUrl"]
        self.state("expired", "new", ["ada@contoso.example"], variables={"AZURE_AUTHORITY_HOST": short["httpUrl"]})
        for home in self.states.values():
            (home / "token.txt").write_text(self.token)

    def emulator(self, *arguments):
        arguments = [self.acspass, "emulator", "-o", "json", "--https-port=0", "--http-port=0", *arguments]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.emulators.append(process)
        return json.loads(process.stdout.readline())

    def variables(self, home):
        """The environment of a command that is completely configured."""
        url = self.world["httpUrl"]
        key = self.world["connectionString"].partition(";")[2]
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "BROWSER": "/bin/true",
            "ACSPASS_STORE": "file",
            "ACSPASS_STORE_KEY_FILE": f"{home}/key",
            "ACSPASS_TENANT_ID": self.world["tenantId"],
            "ACSPASS_CLIENT_ID": self.world["clientId"],
            "AZURE_AUTHORITY_HOST": url,
            "COMMUNICATION_SERVICES_CONNECTION_STRING": f"endpoint={url}/;{key}",
        }

    def state(self, name, begin, users, *commands, variables={}):
        home = self.work / name
        shutil.copytree(self.states[begin], home)
        self.states[name] = home
        for user in users:
            environment = self.variables(home) | variables
            terminal = Terminal([self.acspass, "login", "--no-browser", "--account", user], environment, 500)
            terminal.wait_for("Waiting for sign-in")
            sign_in(terminal.text(), user)
            assert terminal.end() == 0, terminal.text()
            terminal.close()
        for command in commands:
            self.run(home, *command.split())

    def run(self, home, *arguments):
        run = [self.acspass, *arguments]
        answer = subprocess.run(run, env=self.variables(home), capture_output=True, text=True)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    def play(self, scene, columns, is_coloured):
        """Plays a scene; returns its screen."""
        home = self.work / f"{scene.name}.{columns}.{'colour' if is_coloured else 'plain'}"
        shutil.copytree(self.states[scene.state], home)
        environment = self.variables(home)
        environment |= {name: value.format(**self.world) for name, value in scene.variables.items()}
        for name in scene.without:
            del environment[name]
        if not is_coloured:
            environment["NO_COLOR"] = "1"
        arguments = [argument.format(home=home) for argument in scene.arguments]
        terminal = Terminal([self.acspass, *arguments], environment, columns)
        beside = []
        try:
            for words, action in scene.steps:
                terminal.wait_for(words)
                if action == "interrupt":
                    terminal.interrupt()
                elif action.startswith("type "):
                    os.write(terminal.master, action[5:].encode() + b"\n")
                elif action.startswith("user "):
                    sign_in(terminal.text(), action.partition(" ")[2])
                else:
                    beside.append(Terminal([self.acspass, *action.split()], environment, columns))
                    beside[-1].end()
            code = terminal.end()
            assert code == scene.code, f"exit code {code}, not {scene.code}:\n{terminal.text()}"
            return terminal.text() + "".join("\n" + other.text() for other in beside)
        finally:
            for one in [terminal, *beside]:
                one.close()

    def close(self):
        for emulator in self.emulators:
            emulator.kill()
            emulator.wait()


def check(stage, scene, folder):
    """Plays a scene in each terminal; returns its faults."""
    faults, plain = [], {}
    for columns in WIDTHS:
        screens = {}
        for is_coloured in (True, False):
            name = f"{scene.name}.{columns}.{'colour' if is_coloured else 'plain'}"
            try:
                raw = stage.play(scene, columns, is_coloured)
            except (AssertionError, OSError) as fault:
                faults.append(f"{name}: {fault}")
                continue
            screen = screen_rules.final(raw)
            (folder / f"{name}.txt").write_text(screen)
            found = screen_rules.codes(screen, is_coloured)
            screens[is_coloured] = screen_rules.without_colour(screen)
            if "json" in scene.arguments:
                found += screen_rules.json_faults(screens[is_coloured])
            found += screen_rules.faults(screens[is_coloured], max(columns, scene.copied_columns))
            faults += [f"{name}: {fault}" for fault in found]
        if len(screens) == 2:
            coloured, plain[columns] = (screen_rules.words(screens[it]) for it in (True, False))
            fault = screen_rules.difference(coloured, plain[columns])
            if fault and not scene.differs:
                faults.append(f"{scene.name}.{columns}: colour changes the text: {fault}")
    for columns in WIDTHS[1:]:
        if columns in plain and WIDTHS[0] in plain and not scene.differs:
            fault = screen_rules.difference(*(sorted(plain[it]) for it in (WIDTHS[0], columns)))
            if fault:
                faults.append(f"{scene.name}: {WIDTHS[0]} and {columns} columns differ: {fault}")
    return faults


def main():
    acspass, folder, *names = sys.argv[1:]
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    work = pathlib.Path(tempfile.mkdtemp(prefix="acspass-screens-"))
    stage = None
    try:
        stage = Stage(acspass, work)
        chosen = [scene for scene in scenes() if not names or scene.name in names]
        with ThreadPoolExecutor(6) as pool:
            faults = [fault for found in pool.map(lambda it: check(stage, it, folder), chosen) for fault in found]
    finally:
        if stage:
            stage.close()
        shutil.rmtree(work)
    seconds = time.monotonic() - started
    print("\n".join(faults), end="\n" if faults else "")
    print(f"{len(chosen)} commands, {len(chosen) * len(WIDTHS) * 2} screens, {len(faults)} faults, {seconds:.0f} s")
    sys.exit(1 if faults or not chosen else 0)


if __name__ == "__main__":
    main()
