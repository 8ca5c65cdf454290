"""The whole system as processes: PostgreSQL, the emulator, replicas of the service, HAProxy."""

import datetime
import http.client
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

TENANT = "ac5ba55e-7e4a-4000-8000-000000000001"
CLIENT = "ac5ba55e-0c11-4000-8000-0000000000a1"
AUDIENCE = "api://acspass-exchange"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:access_token"
HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(what, found, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise SystemExit(f"waited in vain: {what}")


def answers(port, path, tls=None):
    try:
        status, _, _ = request(port, "GET", path, tls=tls, timeout=2)
        return status == 200
    except OSError:
        return False


def request(port, method, path, headers=None, body=None, tls=None, timeout=30):
    if tls:
        connection = http.client.HTTPSConnection("localhost", port, timeout=timeout, context=tls)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers={"Host": f"localhost:{port}", **(headers or {})})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


class System:
    """Its processes end with the context."""

    def __init__(self, programs, users, replicas=3, budget=500, tls=False, database=True, rate="6000,6000"):
        self.programs = pathlib.Path(programs)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="exchange-"))
        self.folder.chmod(0o755)
        self.users, self.count, self.budget = users, replicas, budget
        self.tls, self.has_database, self.rate = tls, database, rate
        self.processes, self.replicas = {}, {}

    def __enter__(self):
        try:
            if self.has_database:
                self.prepare_postgres()
                self.start_postgres()
            self.start_emulator()
            if self.tls:
                self.new_certificate()
            for number in range(self.count):
                self.start_replica(number)
            self.start_haproxy()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.end(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, command, environment=None, user=None, log=True):
        stream = open(self.folder / f"{name}.log", "ab") if log else subprocess.DEVNULL
        uid = pwd.getpwnam(user).pw_uid if user and os.getuid() == 0 else None
        self.processes[name] = subprocess.Popen(
            command, env=environment, stdout=stream, stderr=stream, user=uid,
        )

    def end(self, name, number=signal.SIGKILL):
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait()

    # PostgreSQL

    def prepare_postgres(self):
        self.postgres = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        data = self.folder / "postgres"
        data.mkdir()
        if os.getuid() == 0:
            shutil.chown(data, "postgres")
        self.database_port = free_port()
        uid = pwd.getpwnam("postgres").pw_uid if os.getuid() == 0 else None
        subprocess.run(
            [self.postgres / "initdb", "-A", "trust", "-U", "postgres", "--no-sync", "-D", data / "data"],
            check=True, stdout=subprocess.DEVNULL, user=uid,
        )

    def start_postgres(self):
        data = self.folder / "postgres"
        options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-k", str(data)]
        library = "shared_preload_libraries=pg_stat_statements"
        if (self.postgres.parent / "lib/pg_stat_statements.so").exists():
            options += ["-c", library]
        command = [self.postgres / "postgres", *options, "-p", str(self.database_port), "-D", data / "data"]
        self.start("postgres", command, user="postgres")
        until("PostgreSQL", lambda: self.query("SELECT 1"))

    def query(self, statement):
        done = subprocess.run(
            [self.postgres / "psql", "-X", "-At", "-d", self.database_url(), "-c", statement],
            capture_output=True, text=True,
        )
        return done.stdout.strip() if done.returncode == 0 else None

    def database_url(self):
        return f"postgres://postgres@127.0.0.1:{self.database_port}/postgres"

    # The emulator

    def start_emulator(self):
        seed = ["[[applications]]", 'name = "Desktop"', f'clientId = "{CLIENT}"',
                'platforms.native = ["http://localhost"]']
        for number in range(self.users):
            seed += ["[[users]]", f'username = "user{number}@contoso.example"',
                     f'objectId = "{object_id(number)}"']
        (self.folder / "seed.toml").write_text("\n".join(seed) + "\n")
        self.emulator_port = self.resource_port = free_port()
        command = [self.programs / "acspass", "emulator", "--seed", self.folder / "seed.toml",
                   "--http-port", str(self.emulator_port), "--https-port", "0", "--quiet"]
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"]}
        self.start("emulator", command, environment, log=False)
        until("the emulator", lambda: answers(self.emulator_port, "/_emulator/v1/info"))
        # The keys of the emulator's first resource are the same in each run.
        shutil.copy(pathlib.Path(__file__).parent.parent / "compose" / "key", self.folder / "key")

    def start_resource(self, token):
        """A resource that takes hardly any CPU time: HAProxy, which returns this token to each user.

        Replicas that start from now on use it.
        """
        expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        issued = self.folder / "issued.json"
        issued.write_text(json.dumps({"token": token, "expiresOn": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}))
        self.resource_port, settings = free_port(), self.folder / "resource.cfg"
        settings.write_text(f"""global
    maxconn 1000
defaults
    mode http
    timeout connect 2s
    timeout client 70s
    timeout server 70s
    timeout http-keep-alive 70s
frontend resource
    bind 127.0.0.1:{self.resource_port}
    http-request wait-for-body time 1s
    http-request return status 200 content-type application/json file {issued}
""")
        self.start("resource", [HAPROXY, "-db", "-f", settings])

    def control(self, method, path, body=None):
        headers = {"X-Acspass-Emulator": "1", "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        status, _, answer = request(self.emulator_port, method, f"/_emulator/v1/{path}", headers, text)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {answer[:300]}")
        return json.loads(answer or b"{}")

    def token(self, number, **claims):
        """A token of one user for ACS, or with these claims."""
        body = {"kind": "entraAccessToken", "user": f"user{number}@contoso.example", "claims": claims}
        return self.control("POST", "tokens", body)["token"]

    def tokens(self, number):
        return self.token(number, aud=AUDIENCE, scp="access_as_user"), self.token(number)

    # The replicas

    def new_certificate(self):
        authority = self.folder / "authority.pem"
        if not authority.exists():
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.folder / "authority.key",
                    "-out", authority, "-days", "2", "-subj", "/CN=Load test")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", self.folder / "new.key",
                "-out", self.folder / "new.csr", "-subj", "/CN=localhost")
        (self.folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", self.folder / "new.csr", "-CA", authority, "-CAkey",
                self.folder / "authority.key", "-out", self.folder / "new.pem", "-days", "1",
                "-extfile", self.folder / "san", "-set_serial", str(time.time_ns()))
        (self.folder / "new.key").replace(self.folder / "tls.key")
        (self.folder / "new.pem").replace(self.folder / "tls.pem")

    def start_replica(self, number):
        ports = self.replicas.setdefault(number, (free_port(), free_port()))
        environment = {
            "AZURE_AUTHORITY_HOST": f"http://localhost:{self.emulator_port}",
            "COMMUNICATION_SERVICES_ENDPOINT": f"http://localhost:{self.resource_port}",
            "ACSPASS_EXCHANGE_KEY_FILE": str(self.folder / "key"),
            "ACSPASS_EXCHANGE_TENANTS": TENANT,
            "ACSPASS_EXCHANGE_CLIENTS": CLIENT,
            "ACSPASS_EXCHANGE_AUDIENCE": AUDIENCE,
            "ACSPASS_EXCHANGE_LISTEN": f"127.0.0.1:{ports[0]}",
            "ACSPASS_EXCHANGE_METRICS_LISTEN": f"127.0.0.1:{ports[1]}",
            "ACSPASS_EXCHANGE_REPLICAS": str(self.count),
            "ACSPASS_EXCHANGE_BUDGET": str(self.budget),
            "ACSPASS_EXCHANGE_USER_RATE": self.rate,
            "ACSPASS_EXCHANGE_MIN_DRAIN": "2s",
            # A debug build begins at once; the emulator has no earlier requests.
            "ACSPASS_EXCHANGE_TEST_FIRST_WAIT": "0s",
        }
        if self.has_database:
            environment["DATABASE_URL"] = self.database_url()
        if self.tls:
            environment["ACSPASS_EXCHANGE_TLS_CERT"] = str(self.folder / "tls.pem")
            environment["ACSPASS_EXCHANGE_TLS_KEY"] = str(self.folder / "tls.key")
        self.start(f"replica{number}", [self.programs / "acspass-exchange", "-o", "json"], environment)
        until(f"replica {number}", lambda: answers(ports[1], "/livez"))

    def is_ready(self, number):
        return answers(self.replicas[number][1], "/readyz")

    def start_haproxy(self):
        self.port, sockets = free_port(), self.folder / "haproxy.cfg"
        tls = f"ssl verify required ca-file {self.folder}/authority.pem verifyhost localhost " if self.tls else ""
        servers = "\n".join(
            f"    server r{number} 127.0.0.1:{ports[0]} {tls}maxconn 1500 check inter 500ms fall 2 rise 1"
            for number, ports in self.replicas.items()
        )
        sockets.write_text(f"""global
    maxconn 12000
    # It would need two sockets for each connection, but has few to the servers.
    no strict-limits
    log stdout format raw local0
defaults
    mode http
    log global
    log-format "request %ST %Ta"
    timeout connect 2s
    timeout client 70s
    timeout server 70s
    timeout queue 70s
    option httpchk GET /readyz
    retries 2
    option redispatch
    retry-on conn-failure empty-response
frontend exchange
    bind 127.0.0.1:{self.port}
    default_backend replicas
backend replicas
    balance hdr(Authorization)
    hash-type consistent
{servers}
""")
        self.start("haproxy", [HAPROXY, "-db", "-f", sockets])
        until("HAProxy", lambda: answers(self.port, "/readyz"), 90)

    def audit(self):
        """The decisions of all replicas. A second line of a decision replaces the first one."""
        decisions = {}
        for path in self.folder.glob("replica*.log"):
            for line in path.read_text().splitlines():
                if '"audit":"decision"' in line:
                    decision = json.loads(line)
                    decisions[decision["requestId"]] = decision
        return decisions.values()


def most_in_a_window(times, length=30):
    """Returns the most requests in any window; the journal's times are whole seconds."""
    times, first, most = sorted(times), 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= length:
            first += 1
        most = max(most, last - first + 1)
    return most


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def object_id(number):
    return f"00000000-0000-4000-8000-{number:012x}"


def exchange(port, bearer, subject, timeout=30):
    """Sends the request of a desktop. Returns status, headers and JSON, or status 0."""
    form = urllib.parse.urlencode({"grant_type": GRANT, "subject_token": subject, "subject_token_type": TYPE})
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/x-www-form-urlencoded"}
    try:
        status, headers, body = request(port, "POST", "/v1/token", headers, form, timeout=timeout)
        return status, headers, json.loads(body) if body.startswith(b"{") else {}
    except OSError:
        return 0, {}, {}


class Journal:
    """Watches the emulator's journal, which keeps the latest requests only."""

    def __init__(self, system):
        self.system, self.times, self.latest, self.stopped = system, [], 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.stopped.is_set():
            self.read()
            self.stopped.wait(1)

    def read(self):
        journal = self.system.control("GET", f"journal?after={self.latest}&operation=exchange")
        for entry in journal["entries"]:
            self.latest = max(self.latest, entry["sequence"])
            self.times.append(datetime.datetime.fromisoformat(entry["time"]).timestamp())

    def stop(self):
        self.stopped.set()
        self.thread.join()
        self.read()
        return self.times
