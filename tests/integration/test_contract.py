"""
The running stack against its OpenAPI document, both ways: every answer of a walk over the whole API is described there
(status, headers, media type, body), and everything described was seen.
"""

import itertools
import json
import re
import threading

import pytest
import yaml
from support.buyer import Buyer
from support.contract import METHODS, Contract
from support.editor import MARKET, Editor
from support.raw import connect, exchange, read_answer, request
from support.receiver import Receiver
from support.stack import ROOT, Stack
from support.waiting import until

UNKNOWN = "VR-2024-ZZZZZZZZZZZZ"
PROBLEM = {"Accept": "application/problem+json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# Nobody can bring about a 500; a request that is too slow is one for all (it takes 10 s).
EXCUSED = ("500", "408")


@pytest.fixture(scope="module")
def document():
    return yaml.safe_load((ROOT / "proto/openapi/openapi.yaml").read_text())


# --- the document by itself ---


def responses_of(document):
    for _, _, operation in Contract(document).operations():
        for status, response in operation["responses"].items():
            yield f"{operation['operationId']} {status}", Contract(document).resolve(response)


def examples_of(media):
    return [media["example"]] if "example" in media else [one["value"] for one in media.get("examples", {}).values()]


def references_in(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references_in(value)
    elif isinstance(node, list):
        for one in node:
            yield from references_in(one)


def test_every_answer_has_an_example_that_is_one(document):
    contract = Contract(document)
    for name, response in responses_of(document):
        for kind, media in response.get("content", {}).items():
            assert examples_of(media), f"{name} {kind}: no example"
            for example in examples_of(media):
                assert not contract.errors_of(example, media["schema"]), f"{name} {kind}: {example}"


def test_every_request_and_webhook_has_an_example_that_is_one(document):
    contract = Contract(document)
    operations = [operation for _, _, operation in contract.operations()] + [document["webhooks"]["market.completed"]["post"]]
    for operation in operations:
        for media in contract.resolve(operation.get("requestBody", {})).get("content", {}).values():
            assert examples_of(media), operation["operationId"]
            for example in examples_of(media):
                assert not contract.errors_of(example, media["schema"]), example
        for parameter in map(contract.resolve, operation.get("parameters", [])):
            if "example" in parameter:
                assert not contract.errors_of(parameter["example"], parameter["schema"]), parameter


def test_every_reference_leads_somewhere_and_every_part_is_used(document):
    contract = Contract(document)
    used = set(references_in(document))
    for reference in used:
        contract.resolve({"$ref": reference})
    parts = {f"#/components/{kind}/{name}" for kind, parts in document["components"].items() for name in parts
             if kind != "securitySchemes"}
    assert parts - used == {"#/components/responses/MethodNotAllowed"}, "that one is of every path"


def test_operations_are_told_apart(document):
    operations = [operation for _, _, operation in Contract(document).operations()]
    tags = {tag["name"] for tag in document["tags"]}
    assert document["openapi"].startswith("3.1.")
    assert len({one["operationId"] for one in operations}) == len(operations)
    for one in operations:
        assert one["summary"] and one["description"] and set(one["tags"]) <= tags
        assert all(header.get("description") for _, response in responses_of(document)
                   for header in map(Contract(document).resolve, response.get("headers", {}).values()))


# --- the walk ---


class World:
    """A stack of its own, for its limits and faults."""

    def __init__(self, folder):
        self.stack = Stack(folder, VR_RATE_LIMIT_TOKEN="40", VR_RATE_LIMIT_API="500", VR_WEBHOOK_RETRY_SCHEDULE="1h").start()
        self.contract = Contract.of(self.stack)
        self.receiver = Receiver()
        self.editor = Editor(self.stack, webhook_url=self.receiver.url)
        self.market = self.editor.create_market()["identifier"]

    def close(self):
        self.receiver.close()
        self.stack.stop()

    @property
    def port(self):
        return int(self.stack.env["VR_HTTP_PORT"])

    def send(self, method, path, expected, **options):
        answer = self.editor.http.request(method, self.stack.url + path, timeout=15, **options)
        assert answer.status_code == expected, f"{method} {path}: {answer.status_code} {answer.text}"
        return self.contract.hold(answer)

    def call(self, method, path, expected, scope=None, headers=None, editor=None, **options):
        token = {"Authorization": f"Bearer {(editor or self.editor).token(scope)}"}
        answer = self.send(method, f"/api/v1{path}", expected, headers=token | (headers or {}), **options)
        assert int(answer.headers["X-RateLimit-Limit"]) == 500
        return answer

    def send_raw(self, method, target, expected, data, port=None):
        answer = exchange(port or self.port, data)
        self.contract.hold_raw(method, target, answer)
        assert answer.status == expected, f"{method} {target[:100]}: {answer}"

    def operations(self):
        """(path with its parameters filled in, METHOD, operation)"""
        for path, method, operation in self.contract.operations():
            yield path.replace("{identifier}", self.market), method.upper(), operation

    def body_of(self, path, method):
        """Headers and bytes of a good request's body."""
        if method == "GET":
            return {}, b""
        if path.startswith("/oauth/"):
            own = f"client_id={self.editor.client_id}&client_secret={self.editor.client_secret}"
            return FORM, f"grant_type=client_credentials&token=x&{own}".encode()
        return {"Content-Type": "application/json"}, json.dumps({"public_market": MARKET}).encode()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    one = World(tmp_path_factory.mktemp("stack"))
    yield one
    one.close()


def walk_tokens(world):
    editor, other = world.editor, Editor(world.stack)
    own = {"client_id": editor.client_id, "client_secret": editor.client_secret}
    grant = {"grant_type": "client_credentials"}
    token = world.send("POST", "/oauth/token", 200, data=grant | own).json()["access_token"]
    world.send("POST", "/oauth/token", 200, data=grant, auth=(editor.client_id, editor.client_secret))
    world.send("POST", "/oauth/token", 400, data=own)
    world.send("POST", "/oauth/token", 400, data=own | {"grant_type": "password"})
    world.send("POST", "/oauth/token", 400, data=grant | own | {"scope": "everything"})
    world.send("POST", "/oauth/token", 400, json=own)
    world.send("POST", "/oauth/token", 401, data=grant | own | {"client_secret": "wrong"})
    for path in ("/oauth/introspect", "/oauth/revoke"):
        world.send("POST", path, 400, data=own)
        world.send("POST", path, 401, data=own | {"client_secret": "wrong", "token": token})
        world.send("POST", path, 200, data=own | {"token": "unknown"})
    assert not world.send("POST", "/oauth/introspect", 200, data=own | {"token": other.token()}).json()["active"]
    assert world.send("POST", "/oauth/introspect", 200, data=own | {"token": editor.token("api_read")}).json()["active"]
    world.send("POST", "/oauth/revoke", 400, data=own | {"token": other.token()})
    world.send("POST", "/oauth/revoke", 200, data=own | {"token": editor.token("api_read")})
    editor._tokens.clear()
    for headers in ({}, PROBLEM):
        world.stack.redis().hset(f"vr:rate:token:{other.id}", "count", 1000)
        world.send("POST", "/oauth/token", 429, headers=headers,
                   data=grant | {"client_id": other.client_id, "client_secret": other.client_secret})
    world.send("GET", "/.well-known/oauth-authorization-server", 200)


def walk_creation(world):
    key = {"Idempotency-Key": "walk-1"}
    good = {"public_market": MARKET}
    world.call("POST", "/public_markets", 201, headers=key, json=good)
    assert world.call("POST", "/public_markets", 201, headers=key, json=good).headers["Idempotent-Replayed"] == "true"
    for headers in ({}, PROBLEM):
        world.call("POST", "/public_markets", 422, headers=key | headers, json={"public_market": MARKET | {"name": "x"}})
        world.call("POST", "/public_markets", 422, headers=headers, json={"public_market": {}})
        world.call("POST", "/public_markets", 422, headers=headers, json={"public_market": MARKET | {"market_type_codes": ["x"]}})
        world.call("POST", "/public_markets", 400, headers=headers, json={})
        world.call("POST", "/public_markets", 400, headers={"Idempotency-Key": "é".encode("latin-1")} | headers, json=good)
        world.call("POST", "/public_markets", 415, headers=headers | FORM, data=b"a=b")


def walk_reading(world):
    page = world.call("GET", "/public_markets?limit=1", 200)
    assert page.links["next"]["url"].endswith(f"cursor={page.json()['next_cursor']}")
    last = world.call("GET", f"/public_markets?cursor={page.json()['next_cursor']}&status=created", 200)
    assert last.json()["next_cursor"] is None and "Link" not in last.headers
    one = world.call("GET", f"/public_markets/{world.market}", 200)
    world.call("GET", f"/public_markets/{world.market}", 304, headers={"If-None-Match": one.headers["ETag"]})
    fields = world.call("GET", "/fields", 200)
    world.call("GET", "/fields", 304, headers={"If-None-Match": fields.headers["ETag"]})
    world.call("GET", "/stats?from=2026-01-01&to=2026-06-30", 200)
    for headers in ({}, PROBLEM):
        for query in ("limit=0", "limit=101", "limit=x", "cursor=x", "status=x", "sync_status=x", "limit=1&limit=2"):
            world.call("GET", f"/public_markets?{query}", 400, headers=headers)
        for query in ("from=x", "to=x", "from=2026-02-01&to=2026-01-01", "from=2020-01-01&to=2026-01-01"):
            world.call("GET", f"/stats?{query}", 400, headers=headers)
    world.send("GET", "/api/v1/status", 200)
    world.send("GET", "/openapi.yaml", 200)


def walk_notifications(world):
    created = world.editor.create_market()
    path = f"/public_markets/{created['identifier']}"
    assert world.call("GET", f"{path}/deliveries", 200).json() == {"deliveries": []}
    world.receiver.answer(503, 503, 503, 503)
    Buyer(created["configuration_url"]).complete()
    for _ in range(3):
        until(lambda: world.editor.market(created["identifier"])["sync_status"] == "sync_failed", 20, "sync_failed")
        world.call("GET", f"{path}/deliveries", 200)
        answer = world.call("POST", f"{path}/retry_sync", 202)
        assert answer.json() == {"identifier": created["identifier"], "sync_status": "sync_pending"}
    until(lambda: world.editor.market(created["identifier"])["sync_status"] == "sync_failed", 20, "sync_failed")
    for headers in ({}, PROBLEM):
        refused = world.call("POST", f"{path}/retry_sync", 429, headers=headers)
        assert 3500 < int(refused.headers["Retry-After"]) == refused.json()["retry_after"] <= 3600
        world.call("POST", f"/public_markets/{world.market}/retry_sync", 409, headers=headers)
    attempts = world.call("GET", f"{path}/deliveries", 200).json()["deliveries"][0]["attempts"]
    assert [(one["number"], one["outcome"], one["status_code"]) for one in attempts] == [
        (number, "http_5xx", 503) for number in (1, 2, 3, 4)]
    figures = world.call("GET", "/stats", 200).json()
    assert figures["markets"]["completed"] == 1 and figures["webhooks"]["attempts"] == 4
    hold_webhook(world, world.receiver.of(created["identifier"])[0])


def hold_webhook(world, received):
    """What was received, against the section `webhooks`; nothing else is sent."""
    described = world.contract.document["webhooks"]["market.completed"]["post"]
    names = {parameter["name"].lower() for parameter in described["parameters"]}
    for parameter in described["parameters"]:
        assert not world.contract.errors_of(received.header(parameter["name"]), parameter["schema"]), parameter["name"]
    assert {name.lower() for name, _ in received.headers} - names == {"host", "accept", "content-type", "content-length"}
    assert received.header("Content-Type") == "application/json"
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    assert not world.contract.errors_of(received.json(), schema)


def is_guarded(operation):
    return any("oauth" in way for way in operation.get("security", [{"oauth": []}]))


def walk_who_may(world):
    """401, 403, 404 and 429 of each operation that wants a token."""
    other = Editor(world.stack)
    for (path, method, operation), headers in itertools.product(world.operations(), ({}, PROBLEM)):
        if not is_guarded(operation):
            continue
        kind, body = world.body_of(path, method)
        scope = "api_write" if method == "GET" else "api_read"
        sub = path.removeprefix("/api/v1")
        world.send(method, path, 401, headers=headers | kind, data=body)
        world.send(method, path, 401, headers=headers | kind | {"Authorization": "Bearer vr_at_x"}, data=body)
        world.call(method, sub, 403, scope=scope, headers=headers | kind, data=body)
        if "404" in operation["responses"]:
            world.call(method, sub.replace(world.market, UNKNOWN), 404, headers=headers | kind, data=body)
            world.call(method, sub, 404, editor=other, headers=headers | kind, data=body)
        world.call("GET", "/fields", 200, editor=other)
        world.stack.redis().hset(f"vr:rate:api:{other.id}", "count", 1000)
        world.call(method, sub, 429, editor=other, headers=headers | kind, data=body)
        world.stack.redis().delete(f"vr:rate:api:{other.id}")


def walk_what_is_no_request(world):
    for path, method, operation in world.operations():
        kind, body = world.body_of(path, method)
        head = list(kind.items()) + [("Authorization", f"Bearer {world.editor.token()}")]
        world.send_raw(method, path, 400, request(method, path, [*head, ("Host", "twice")], body))
        world.send_raw(method, path, 414, request(method, f"{path}?{'x' * 5000}", head, body))
        world.send_raw(method, path, 431, request(method, path, [*head, *((f"X-{n}", "x") for n in range(60))], body))
        if method == "POST":
            world.send_raw(method, path, 411, request(method, path, [*head, ("Content-Length", "x")], body).replace(
                b"Content-Length: x\r\n", b""))
            world.send_raw(method, path, 413, request(method, path, head, b"x" * (64 * 1024 + 1)))
        if method == "GET":
            world.contract.hold(world.editor.http.head(world.stack.url + path, timeout=15, headers=dict(head)))
    for path in world.contract.document["paths"]:
        for method in set(METHODS) - set(world.contract.document["paths"][path]):
            world.send(method.upper(), path.replace("{identifier}", world.market), 405)
            world.send(method.upper(), path.replace("{identifier}", world.market), 405, headers=PROBLEM)
    for path in ("/api/v1/nothing", "/api/v1/public_markets/", "/oauth/nothing", "/nothing"):
        world.send("GET", path, 404)


def hold_slow_request(world):
    """At market's own port: the front door would wait, and close."""
    kind, body = world.body_of("/api/v1/public_markets", "POST")
    with connect(int(world.stack.env["VR_MARKET_HTTP_PORT"]), 30) as connection:
        head = [*kind.items(), ("Authorization", f"Bearer {world.editor.token()}")]
        connection.sendall(request("POST", "/api/v1/public_markets", head, body)[:-1])
        answer = read_answer(connection, "POST")
    world.contract.hold_raw("POST", "/api/v1/public_markets", answer)
    assert answer.status == 408


def walk_faults(world):
    bearer = {"Authorization": f"Bearer {world.editor.token()}"}

    def all_answer_503(guarded_only):
        for path, method, operation in world.operations():
            kind, body = world.body_of(path, method)
            if not guarded_only or is_guarded(operation) or path == "/oauth/token":
                for headers in ({}, PROBLEM):
                    own = bearer if is_guarded(operation) else {}
                    world.send(method, path, 503, headers=headers | kind | own, data=body)

    world.stack.hold_down("redis")
    all_answer_503(guarded_only=True)
    world.stack.let_up("redis")
    for service in ("auth", "market"):
        world.stack.hold_down(service)
    all_answer_503(guarded_only=False)


def test_all_that_is_said_is_described_and_all_that_is_described_is_said(world):
    walk_tokens(world)
    world.editor.token()  # before two ask at once, and the second ends the first's
    slow = threading.Thread(target=hold_slow_request, args=[world])
    slow.start()
    walk_creation(world)
    walk_reading(world)
    walk_notifications(world)
    walk_who_may(world)
    walk_what_is_no_request(world)
    slow.join()
    walk_faults(world)

    assert world.contract.unserved(EXCUSED) == []
    assert ("createPublicMarket", 408, "application/json") in world.contract.seen
    assert all((name, status, "application/problem+json") in world.contract.seen for name, status in problems_of(world))


def problems_of(world):
    """Where a service itself refuses: it can say so in RFC 9457's form."""
    guarded = [operation for _, _, operation in world.contract.operations() if is_guarded(operation)]
    return [(one["operationId"], int(status)) for one in guarded for status in one["responses"]
            if status in ("401", "403", "404", "409", "415", "422", "429", "503")]


# --- the check can fail ---


@pytest.mark.parametrize("pattern, replacement", [
    (r'"200":\n          description: It is\.', '"201":\n          description: It is.'),
    (r"required: \[status, version\]", "required: [status, version, more]"),
    (r"type: string, const: ok", "type: string, const: fine"),
    (r"application/json:\n              schema: {\$ref: \"#/components/schemas/Status\"}",
     'text/json:\n              schema: {$ref: "#/components/schemas/Status"}'),
    (r"    RequestId:\n      description: The request's id\.", "    RequestId:\n      description: x\n    Other:\n      description: x"),
    (r"`X-Content-Type-Options`", "X-Content-Type-Options"),
])
def test_a_document_that_says_otherwise_is_found_out(stack, editor, pattern, replacement):
    text = (ROOT / "proto/openapi/openapi.yaml").read_text()
    changed = re.sub(pattern, replacement, text)
    assert changed != text
    answer = editor.http.get(f"{stack.url}/api/v1/status", timeout=15)
    Contract(yaml.safe_load(text)).hold(answer)
    with pytest.raises((AssertionError, KeyError)):
        Contract(yaml.safe_load(changed)).hold(answer)
