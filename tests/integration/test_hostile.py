"""
Hostile requests, at the front door and at each service's own port: each gets a clear refusal, and the same process goes
on serving.
"""

import os
import socket
import threading
import time

import pytest
import requests
from support.raw import connect, exchange, read_answer, request
from support.stack import SERVICES

JSON_TYPE = ("Content-Type", "application/json")
FORM_TYPE = ("Content-Type", "application/x-www-form-urlencoded")
MARKETS = "/api/v1/public_markets"
TOKEN = "/oauth/token"
REQUEST_LIMIT_S = 10


class Door:
    """A port, and where on it something takes a body."""

    def __init__(self, name, port, target, kind, known):
        self.name, self.port, self.target, self.kind, self.known = name, port, target, kind, known

    def send(self, method="POST", target=None, headers=(), body=b"", **options):
        kind = [] if any(name == "Content-Type" for name, _ in headers) or not body else [self.kind]
        return exchange(self.port, request(method, target or self.target, [*headers, *kind], body), **options)

    @property
    def is_front(self):
        return self.name == "front"


@pytest.fixture(scope="module")
def doors(stack):
    """By name. Webhook has nothing but its management port."""
    env = {name: int(value) for name, value in stack.env.items() if name.endswith("_PORT")}
    buyer = "/buyer/public_markets/VR-2024-A1B2C3D4E5F6/setup"
    return {
        "front": Door("front", env["VR_HTTP_PORT"], MARKETS, JSON_TYPE, "/api/v1/status"),
        "auth": Door("auth", env["VR_AUTH_HTTP_PORT"], TOKEN, FORM_TYPE, TOKEN),
        "market": Door("market", env["VR_MARKET_HTTP_PORT"], MARKETS, JSON_TYPE, "/api/v1/status"),
        "wizard": Door("wizard", env["VR_WIZARD_HTTP_PORT"], buyer, FORM_TYPE, buyer),
        "webhook": Door("webhook", env["VR_WEBHOOK_MANAGEMENT_PORT"], "/metrics", FORM_TYPE, "/livez"),
    }


DOORS = ["front", "auth", "market", "wizard", "webhook"]


@pytest.fixture(params=DOORS)
def door(request, doors):
    return doors[request.param]


@pytest.fixture(autouse=True)
def same_processes(stack):
    """Whatever a test does, nobody dies of it."""
    before = {service: stack.pid(service) for service in SERVICES}
    yield
    assert {service: stack.pid(service) for service in SERVICES} == before
    for service, pid in before.items():
        os.kill(pid, 0)
        assert requests.get(stack.management_url(service) + "/livez", timeout=5).ok, service


def refused(answer, *statuses):
    """One of these, as JSON with one reason or as a page; never a trace of the inside."""
    assert answer is not None, "closed without a word"
    assert answer.status in statuses, (answer.status, answer.body[:300])
    kind = answer.header("Content-Type")
    assert answer.header("X-Request-Id")
    if kind == "text/html; charset=utf-8":
        assert b"<title>" in answer.body and b'lang="fr"' in answer.body
    else:
        assert kind == "application/json; charset=utf-8", answer
        assert isinstance(answer.json()["error"], str) and answer.json()["error"], answer.body
    for word in (b"ERR_", b"civetweb", b".c:", b"nginx"):
        assert word not in answer.body
    return answer


# --- framing ---


def test_two_content_lengths(door):
    for first, second in (("4", "4"), ("4", "5"), ("0", "4")):
        refused(door.send(headers=[("Content-Length", first), ("Content-Length", second), door.kind], body=b"a=b&"), 400)


def test_content_length_and_transfer_encoding(door):
    body = b"0\r\n\r\nGET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
    for headers in ([("Content-Length", str(len(body))), ("Transfer-Encoding", "chunked")],
                    [("Transfer-Encoding", "chunked"), ("Content-Length", "5")]):
        refused(door.send(headers=headers, body=body), 400)


@pytest.mark.parametrize("encoding", ["chunked", "gzip, chunked", "chunked, identity", "xchunked", "\tchunked"])
def test_transfer_encoding(door, encoding):
    answer = door.send(headers=[("Transfer-Encoding", encoding)], body=b"3\r\na=b\r\n0\r\n\r\n")
    if door.is_front:  # it takes a body in pieces, and passes it on whole
        refused(answer, 400, 401, 501)
    else:
        refused(answer, 400)


@pytest.mark.parametrize("length", ["-1", "+5", "0x5", "5 5", "5,5", "", "１"])
def test_a_content_length_that_is_no_number(door, length):
    refused(door.send(headers=[("Content-Length", length)], body=b"a=b&c"), 400, 411)


@pytest.mark.parametrize("length", ["99999999999999999999", "18446744073709551617", "10000000"])
def test_a_content_length_without_end(door, length):
    refused(door.send(headers=[("Content-Length", length)]), 400, 413)


def test_a_post_without_a_length(door):
    data = f"POST {door.target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    refused(exchange(door.port, data), 400, 401, 405, 411, 415)


def test_a_smuggled_second_request_is_not_answered(door):
    body = b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(door.port) as connection:
        connection.sendall(request("POST", door.target, [("Content-Length", "0"), ("Content-Length", str(len(body)))], body))
        refused(read_answer(connection), 400)
        assert read_answer(connection) is None


@pytest.mark.parametrize("head", [
    "GET {known} HTTP/1.1\r\n\r\n",
    "GET {known} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET {known} HTTP/1.1\r\nHost: \r\n\r\n",
    "GET {known} HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n",
    "GET {known} HTTP/1.1\r\nHost: a\r\nX : z\r\n\r\n",
    "GET {known} HTTP/9.9\r\nHost: a\r\n\r\n",
    "GET {known}\0x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET {known} HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "TRACE {known} HTTP/1.1\r\nHost: a\r\n\r\n",
    "BREW {known} HTTP/1.1\r\nHost: a\r\n\r\n",
])
def test_a_head_that_is_none(door, head):
    answer = exchange(door.port, head.format(known=door.known).encode(), method="GET")
    if answer is not None or not door.is_front:  # nginx drops some without a word
        assert answer is not None and 400 <= answer.status < 600 and answer.status not in (500, 502, 503, 504), answer


def test_garbage_instead_of_a_request(door):
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 200, b"\r\n" * 50, b"A" * 5000 + b"\r\n\r\n", b"\0" * 400):
        with connect(door.port, 15) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = read_answer(connection)
            assert answer is None or 400 <= answer.status < 500, answer


# --- size ---


def test_a_body_of_ten_megabytes(door):
    answer = door.send(body=b"a=" + b"x" * 10_000_000)
    refused(answer, 413)


def test_a_body_just_above_the_limit(door):
    refused(door.send(body=b"a=" + b"x" * (64 * 1024 - 1)), 413)


@pytest.mark.parametrize("count", [60, 64, 65, 100, 200])
def test_a_flood_of_headers(door, count):
    refused(door.send("GET", door.known, headers=[(f"X-{number}", "v") for number in range(count)]), 400, 431)


def test_one_huge_header(door):
    refused(door.send("GET", door.known, headers=[("X-Huge", "v" * 40_000)]), 400, 413, 414, 431)


def test_a_huge_target(door):
    refused(door.send("GET", door.known + "?" + "q" * 30_000), 400, 413, 414, 431)


# --- JSON ---


@pytest.fixture
def bearer(editor):
    return ("Authorization", f"Bearer {editor.token()}")


@pytest.fixture(params=["front", "market"])
def json_door(request, doors):
    return doors[request.param]


NESTED = 850
BODIES = {
    "nested arrays": b"[" * NESTED,
    "nested arrays, closed": b"[" * NESTED + b"]" * NESTED,
    "nested arrays inside": b'{"public_market":{"name":' + b"[" * NESTED + b"]" * NESTED + b"}}",
    "nested objects": b'{"a":' * NESTED + b"1" + b"}" * NESTED,
    "sixty thousand brackets": b"[" * 60_000,
    "many values": b'{"public_market":{"market_type_codes":[' + b"1," * 20_000 + b"1]}}",
    "many members": b"{" + b",".join(b'"%d":1' % number for number in range(6000)) + b"}",
    "invalid UTF-8": b'{"public_market":{"name":"\xff\xfe"}}',
    "an overlong NUL": b'{"public_market":{"name":"\xc0\x80"}}',
    "a surrogate": b'{"public_market":{"name":"\xed\xa0\x80"}}',
    "half a pair": b'{"public_market":{"name":"\\ud800"}}',
    "an escaped NUL": b'{"public_market":{"name":"a\\u0000b"}}',
    "a raw NUL": b'{"public_market":{"name":"a\0b"}}',
    "a raw NUL behind": b'{"public_market":{}}\0',
    "a raw control": b'{"public_market":{"name":"a\nb"}}',
    "a byte order mark": b'\xef\xbb\xbf{"public_market":{}}',
    "a number without end": b'{"public_market":' + b"1" * 60_000 + b"}",
    "an exponent": b'{"public_market":{"name":1e999999999}} x',
    "a leading zero": b'{"public_market":{"name":01}}',
    "NaN": b'{"public_market":{"name":NaN}}',
    "twice the same": b'{"public_market":{"name":"a","name":"b"}}',
    "twice the same, escaped": b'{"public_market":{"name":"a","\\u006eame":"b"}}',
    "a comment": b'{"public_market":{}/**/}',
    "a comma too many": b'{"public_market":{},}',
    "UTF-16": '{"public_market":{}}'.encode("utf-16"),
    "a string without end": b'{"public_market":{"name":"' + b"a" * 50_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_json_that_is_none(json_door, bearer, body):
    answer = refused(json_door.send(headers=[bearer], body=body), 400)
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/json, text/plain",
                                  "multipart/form-data; boundary=x"])
def test_json_of_another_media_type(json_door, bearer, kind):
    refused(json_door.send(headers=[bearer, ("Content-Type", kind)], body=b'{"public_market":{}}'), 415)


def test_a_name_of_control_characters(json_door, bearer):
    body = b'{"public_market":{"name":"a\\u0007b","deadline":"2030-01-01T00:00:00Z","market_type_codes":["works"]}}'
    answer = json_door.send(headers=[bearer], body=body)
    assert (answer.status, answer.json()) == (422, {"errors": ["Name contains invalid characters"]})


# --- forms ---


@pytest.fixture(params=["auth", "wizard"])
def form_door(request, doors, editor):
    """Its own port; for wizard, the step of a market that exists."""
    door = doors[request.param]
    if door.name == "wizard":
        path = "/" + editor.create_market()["configuration_url"].split("/", 3)[3]
        return Door("wizard", door.port, path, FORM_TYPE, path)
    return door


FORMS = {
    "a NUL": b"\0",
    "a NUL inside": b"grant_type=client_credentials\0&client_id=x",
    "an escaped NUL": b"grant_type=a%00b",
    "a broken escape": b"grant_type=%zz",
    "a cut escape": b"grant_type=%4",
    "a bare percent": b"%",
    "invalid UTF-8": b"grant_type=\xff\xfe",
    "escaped invalid UTF-8": b"grant_type=%ff%fe",
    "an escaped surrogate": b"grant_type=%ed%a0%80",
    "too many fields": b"&".join(b"a%d=1" % number for number in range(5000)),
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS.keys())
def test_a_form_that_is_none(form_door, body):
    answer = refused(form_door.send(body=body), 400, 413)
    if form_door.name == "auth":
        assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("body", [b"&" * 60_000, b"=" * 60_000, b"a" * 60_000, b"=&=&=", b"+" * 1000])
def test_a_strange_form_is_only_a_wrong_one(form_door, body):
    refused(form_door.send(body=body), 400, 401, 403, 413)


# --- paths ---


@pytest.mark.parametrize("target", [
    "/%", "/%z", "/%zz", "/a%4", "/%00", "/a%00b", "/a\\b", "/..", "/../..", "/a/../..", "/a/../../etc/passwd", "/./..", "/%2e%2e",
    "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/..%5c..", "/%c0%ae%c0%ae/", "/\xff", "/%ff%fe", "/a\tb", "/%0d%0aX:y", "*", "x",
    "http://localhost/../x", "/a?%zz",
])
def test_a_path_that_is_none(door, target):
    data = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1")
    refused(exchange(door.port, data), 400, 404, 405)


@pytest.mark.parametrize("spelling", [
    "/internal/markets/{}", "//internal/markets/{}", "/api/../internal/markets/{}", "/api/v1/../../internal/markets/{}",
    "/api/%2e%2e/internal/markets/{}", "/api/..%2finternal/markets/{}", "/api%2f..%2finternal/markets/{}", "/%69nternal/markets/{}",
    "/api/%252e%252e/internal/markets/{}", "/api//../internal/markets/{}", "/buyer/../internal/markets/{}", "/oauth/..;/internal/markets/{}",
    "http://localhost/internal/markets/{}", "/API/../internal/markets/{}", "/openapi.yaml/../internal/markets/{}",
    "/.well-known/../internal/markets/{}",
])
def test_no_spelling_leads_inside(doors, editor, spelling):
    identifier = editor.create_market()["identifier"]
    inside = doors["market"].send("GET", f"/internal/markets/{identifier}")
    assert inside.status == 200
    answer = doors["front"].send("GET", spelling.format(identifier))
    refused(answer, 400, 404)
    assert identifier.encode() not in answer.body


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
def test_the_management_ports_stay_inside(doors, path):
    for name in ("front", "auth", "market", "wizard"):
        refused(doors[name].send("GET", path), 404)


# --- time ---


def drip(port, head, interval=1.0):
    """Sends the head, then a byte a second; how long until the answer or the end, and the answer."""
    began = time.monotonic()
    with connect(port, 30) as connection:
        connection.sendall(head)
        stop = threading.Event()

        def feed():
            while not stop.wait(interval):
                try:
                    connection.sendall(b"a")
                except OSError:
                    return

        thread = threading.Thread(target=feed, daemon=True)
        thread.start()
        try:
            answer = read_answer(connection)
        finally:
            took = time.monotonic() - began
            stop.set()
            thread.join()
    return took, answer


def test_a_byte_a_second_is_cut_off(doors, stack):
    """A dozen slow bodies and as many slow heads at each service's port; all the while others are served."""
    results = []

    def slow_body(door):
        head = request("POST", door.target, [FORM_TYPE, ("Content-Length", "5000")])
        results.append((door.name, "body", *drip(door.port, head)))

    def slow_head(door):
        results.append((door.name, "head", *drip(door.port, f"GET {door.known} HTTP/1.1\r\nHost: a\r\nX-Slow: ".encode())))

    threads = [threading.Thread(target=slow, args=(doors[name],)) for name in ("auth", "market", "wizard", "webhook")
               for slow in (slow_body, slow_head) for _ in range(3 if name == "webhook" else 12)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        began = time.monotonic()
        assert requests.get(f"{stack.url}/api/v1/status", timeout=5).status_code == 200
        assert doors["wizard"].send("GET", "/buyer/cookies").status == 200
        assert time.monotonic() - began < 2
        threads[-1].join(0.5)
        threads = [thread for thread in threads if thread.is_alive()]

    assert len(results) == 4 * 12 * 2 - 2 * 9
    for name, part, took, answer in results:
        assert REQUEST_LIMIT_S - 1 < took < REQUEST_LIMIT_S + 3, (name, part, took)
        if part == "body":
            refused(answer, 408)
        else:
            assert answer is None or answer.status in (400, 408), (name, answer)


def test_idle_connections_shut_nobody_out(doors, stack):
    idle = [connect(doors[name].port) for name in ("auth", "market", "wizard") for _ in range(20)]
    try:
        assert requests.get(f"{stack.url}/api/v1/status", timeout=5).status_code == 200
        for name in ("auth", "market", "wizard"):
            assert doors[name].send("GET", "/nothing", seconds=5).status == 404
    finally:
        for connection in idle:
            connection.close()


def test_clients_that_hang_up_shut_nobody_out(doors):
    for name in ("auth", "market", "wizard", "webhook"):
        for _ in range(50):
            with connect(doors[name].port) as connection:
                connection.sendall(request("POST", doors[name].target, [FORM_TYPE, ("Content-Length", "50")], b"a"))
        assert doors[name].send("GET", "/nothing").status == 404
