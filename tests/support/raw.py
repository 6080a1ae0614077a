"""
HTTP as bytes on a socket, for what no well-behaved client sends.

    answer = exchange(port, request("POST", "/oauth/token", body=b"a=\\0"))
    answer.status, answer.header("Allow"), answer.json()
"""

import dataclasses
import http.client
import json
import socket

HOST = "127.0.0.1"


@dataclasses.dataclass
class Answer:
    status: int
    headers: list  # (name, value) as sent
    body: bytes

    def header(self, name):
        """The value of the only header of that name; None without one."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} sent {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)


def request(method, target, headers=(), body=b"", host="localhost"):
    """The bytes of a request. A Content-Length of the body's is added unless `headers` name a framing of their own."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    names = {name.lower() for name, _ in headers}
    if (body or method in ("POST", "PUT", "PATCH")) and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines + ["", ""]).encode() + body


def connect(port, seconds=20.0):
    return socket.create_connection((HOST, port), timeout=seconds)


def read_answer(connection, method="GET"):
    """The answer on a connection; None when it was closed without one."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        return Answer(response.status, response.getheaders(), response.read())
    except (http.client.BadStatusLine, ConnectionError):
        return None
    finally:
        response.close()


def exchange(port, data, method=None, seconds=20.0):
    """Sends the bytes, reads one answer. A server may answer and close before it has read all: that is no failure."""
    with connect(port, seconds) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_answer(connection, method or data.split(b" ", 1)[0].decode("latin-1"))
