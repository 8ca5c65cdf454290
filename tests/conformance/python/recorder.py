"""A server that keeps every request byte for byte and answers as the resource would.

It speaks TLS with a certificate of its own authority, and knows the resource's answers only as
far as the clients need them to go on.
"""

import json
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

IDENTITY = (
    "8:acs:ac5ba55e-0ac5-4000-8000-0000000000e1_00000007-0464-274b-b274-5a3a0d000101"
)


@dataclass
class Request:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: list
    body: bytes

    def __getitem__(self, name):
        """A header that was sent at most once."""
        values = [value for other, value in self.headers if other == name]
        if len(values) > 1:
            raise AssertionError(f"{name} was sent {len(values)} times")
        return values[0] if values else None

    def names(self):
        return {name for name, _ in self.headers}


def certificates(folder):
    """Writes a certificate for localhost and its key; returns the path, which is the CA's too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "conformance recorder")])
    now = datetime.now(timezone.utc)
    authority = ec.generate_private_key(ec.SECP256R1())

    def certificate(subject, public, extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        made = builder.sign(authority, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM)

    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    usage = x509.KeyUsage(
        True, False, False, False, False, True, False, False, False
    )
    ca = certificate(
        name,
        authority.public_key(),
        [
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (usage, True),
            (x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), False),
        ],
    )
    leaf = certificate(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
        key.public_key(),
        [
            (x509.SubjectAlternativeName([x509.DNSName("localhost")]), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (issuer, False),
        ],
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "ca.pem").write_bytes(ca)
    (folder / "server.pem").write_bytes(leaf + secret)
    return folder / "ca.pem", folder / "server.pem"


def answer(request, token):
    """Status and JSON, as the service answers such a request; `token` is what it issues."""
    path = request.target.partition("?")[0]
    issued = {"token": token, "expiresOn": "2099-01-01T00:00:00.0000000+00:00"}
    if path.startswith("/access/"):
        return 200, {"identity": {"id": IDENTITY}, "accessToken": issued}
    if path.endswith((":issueAccessToken", ":exchangeAccessToken")):
        return 200, issued
    if path == "/identities":
        with_token = {"accessToken": issued} if request.body else {}
        return 201, {"identity": {"id": IDENTITY}, **with_token}
    return 204, None


class Recorder:
    """Listens while it is entered; `take` hands out what was recorded since the last time."""

    def __init__(self, folder, token):
        self.ca_file, chain = certificates(folder)
        self.token = token
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain)
        self.recorded = []
        self.lock = threading.Lock()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"localhost:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def take(self):
        with self.lock:
            recorded, self.recorded = self.recorded, []
        return recorded

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as tls:
                with tls.makefile("rb") as reader:
                    while request := self.read(reader):
                        with self.lock:
                            self.recorded.append(request)
                        tls.sendall(self.reply(request))
        except OSError:
            # The client went away, as clients do.
            pass

    def read(self, reader):
        line = reader.readline()
        if not line:
            return None
        method, target, _ = line.decode("ascii").split(" ")
        headers = []
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("ascii").partition(":")
            headers.append((name.lower(), value.strip()))
        length = int(dict(headers).get("content-length", 0))
        return Request(method, target, headers, reader.read(length))

    def reply(self, request):
        status, value = answer(request, self.token)
        body = b"" if value is None else json.dumps(value).encode()
        head = f"HTTP/1.1 {status} X\r\nDate: {datetime.now(timezone.utc):%a, %d %b %Y %H:%M:%S GMT}\r\n"
        if value is not None:
            head += f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body
