"""
An editor's webhook endpoint that records what it is sent and answers as it is told.

    with Receiver() as receiver:
        receiver.answer(500, 503, Answer(200, delay=1.0))   # then `default` for ever: 200, or what default(request) says
        request = receiver.wait(1)[0]
        request.json(), request.header("webhook-id"), request.is_signed_by(secret)
"""

import base64
import dataclasses
import hashlib
import hmac
import json
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.waiting import until


@dataclasses.dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)
    delay: float = 0.0  # seconds before the answer
    drop: bool = False  # close without a word


@dataclasses.dataclass
class Received:
    method: str
    path: str
    headers: list  # (name, value) as sent
    body: bytes
    at: float  # time.time()

    def header(self, name):
        """The value of the only header of that name; None without one."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} sent {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    def is_signed_by(self, secret):
        """Both forms: the seed's header and Standard Webhooks'."""
        digest = hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
        return self.header("X-Webhook-Signature-SHA256") == f"sha256={digest}" and self.standard_signature(secret) in (
            self.header("webhook-signature") or "").split(" ")

    def standard_signature(self, secret):
        key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
        text = f"{self.header('webhook-id')}.{self.header('webhook-timestamp')}.".encode() + self.body
        return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.server.receiver._take(Received(self.command, self.path, self.headers.items(), body, time.time()))
        self.server.receiver._closing.wait(answer.delay)
        if answer.drop:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_POST = do_GET = do_PUT = handle_any

    def log_message(self, *_arguments):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_arguments):
        """A sender that hangs up is none of ours."""


class Receiver:
    def __init__(self, port=0, default=Answer(200), host="127.0.0.1"):
        self.default = default
        self._received = []
        self._script = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server((host, port), _Handler)
        self._server.receiver = self
        self.port = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}/webhook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def _take(self, request):
        with self._lock:
            self._received.append(request)
            if self._script:
                return self._script.popleft()
            default = self.default
        return default(request) if callable(default) else default

    def answer(self, *answers):
        """The next answers, one a request: Answers or bare statuses; `default` after the last."""
        with self._lock:
            self._script.extend(Answer(one) if isinstance(one, int) else one for one in answers)

    @property
    def requests(self):
        with self._lock:
            return list(self._received)

    def of(self, identifier):
        """Those about one market, in order."""
        return [request for request in self.requests if request.json()["market"]["identifier"] == identifier]

    def wait(self, count, seconds=15.0, identifier=None):
        """At least that many requests (about one market, or all)."""
        def wanted():
            return self.of(identifier) if identifier else self.requests

        until(lambda: len(wanted()) >= count, seconds, f"{count} webhooks")
        return wanted()

    def close(self):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()
