"""
Endpoints that misbehave below HTTP, and TLS ones of an authority of our own.

    with Hostile(trickle) as one: one.url, one.connections, one.sent
    tls = Authority(folder); with Hostile(plain(200), tls.context("localhost")) as one: one.url_for("localhost")
"""

import contextlib
import socket
import ssl
import struct
import subprocess
import threading

HEAD_MAX = 65536


class Hostile:
    """Reads a request's head and body, then leaves the connection to `behave(connection, one)`."""

    def __init__(self, behave, context=None):
        self.behave = behave
        self.context = context
        self.connections = 0
        self.requests = 0
        self.sent = 0  # bytes of answers that the sender's side took
        self.closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return self.url_for("localhost" if self.context else "127.0.0.1")

    def url_for(self, host):
        return f"{'https' if self.context else 'http'}://{host}:{self.port}/webhook"

    def send(self, connection, data):
        connection.sendall(data)
        self.sent += len(data)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ValueError), connection:
            if self.behave is at_once:
                reset(connection)
                return
            if self.behave is no_handshake:
                self.closing.wait(60)
                return
            if self.behave is refuses_all:
                connection.recv(4096)
                self.send(connection, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            secured = self.context.wrap_socket(connection, server_side=True) if self.context else connection
            with secured:
                _read_request(secured)
                self.requests += 1
                self.behave(secured, self)

    def close(self):
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()


def _read_request(connection):
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(4096)
        if not more or len(got) > HEAD_MAX:
            raise ValueError("no request")
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    [length] = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < length:
        more = connection.recv(4096)
        if not more:
            raise ValueError("cut")
        body += more


def reset(connection):
    """RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


# --- ways to behave ---

def at_once(_connection, _one):
    """Resets what it has accepted, before any request."""


def no_handshake(_connection, _one):
    """Accepts and never says a word, not even of TLS."""


def refuses_all(_connection, _one):
    """As an HTTP server answers what is not HTTP, a TLS handshake for instance."""


def plain(status, headers=""):
    def behave(connection, one):
        one.send(connection, f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n".encode())

    return behave


def silent(_connection, one):
    one.closing.wait(60)


def resets(connection, _one):
    reset(connection)


def hangs_up(_connection, _one):
    """An orderly end, without an answer."""


def half_a_head(connection, one):
    one.send(connection, b"HTTP/1.1 200 OK\r\nContent-Le")


def garbage(connection, one):
    one.send(connection, b"\x00\x01 this is not HTTP\r\n\r\n")


def endless_headers(connection, one):
    one.send(connection, b"HTTP/1.1 200 OK\r\n")
    while not one.closing.is_set():
        one.send(connection, b"X-More: " + b"a" * 1000 + b"\r\n")


def trickling_head(connection, one):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Slow: " + b"a" * 1000:
        one.send(connection, bytes([byte]))
        if one.closing.wait(0.2):
            return


def trickling_body(status):
    def behave(connection, one):
        one.send(connection, f"HTTP/1.1 {status} X\r\nContent-Length: 1000\r\n\r\n".encode())
        for _ in range(1000):
            one.send(connection, b"a")
            if one.closing.wait(0.2):
                return

    return behave


def huge_body(status, size=2**30):
    def behave(connection, one):
        one.send(connection, f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // 65536):
            one.send(connection, b"a" * 65536)

    return behave


# --- TLS ---

class Authority:
    """Certificates by the openssl command: `ca_file`, and contexts of servers under it or not."""

    def __init__(self, folder):
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                      "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem")

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def context(self, name, signed=True, days=30, oldest=ssl.TLSVersion.TLSv1_2, newest=ssl.TLSVersion.TLSv1_3):
        """Of a server that calls itself `name`."""
        base = f"{name}-{signed}-{days}"
        (self.folder / f"{base}.ext").write_text(f"subjectAltName=DNS:{name}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                      "-keyout", f"{base}.key", "-out", f"{base}.csr")
        signer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial") if signed else ("-signkey", f"{base}.key")
        self._openssl("x509", "-req", "-in", f"{base}.csr", *signer, "-days", str(days), "-extfile", f"{base}.ext",
                      "-out", f"{base}.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{base}.pem", self.folder / f"{base}.key")
        context.minimum_version, context.maximum_version = oldest, newest
        return context
