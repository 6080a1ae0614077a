"""
The token endpoint, row by row, byte for byte: what auth itself sends, head and body, and that the front door passes it on
whole. And one client asking in a great hurry.
"""

import base64
import collections
import http.client
import itertools
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.editor import Editor
from support.raw import connect, exchange, request
from support.stack import Stack
from support.waiting import until

FORM = "application/x-www-form-urlencoded"
GRANT = "grant_type=client_credentials"
CHALLENGE = 'Basic realm="Voie Rapide", charset="UTF-8"'
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 405: "Method Not Allowed", 411: "Length Required",
           413: "Request Entity Too Large", 429: "Too Many Requests", 503: "Service Unavailable"}


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


# --- what is sent ---

Row = collections.namedtuple("Row", "name body status error description headers query type method")


def row(name, body, status, error, description, headers=(), query="", type=FORM, method="POST"):
    return Row(name, body, status, error, description, headers, query, type, method)


def malformed(name, body, description, **more):
    return row(name, body, 400, "invalid_request", description, **more)


def not_a_client(name, body, description="Client authentication failed", **more):
    return row(name, body, 401, "invalid_client", description, **more)


NO_FORM = "The body must be application/x-www-form-urlencoded"
BAD_FORM = "The body is not a well-formed form"
BAD_QUERY = "The query is malformed"
REPEATED = "A parameter is repeated"
NO_GRANT = "The grant_type parameter is missing"
ONE_WAY = "Only one way of client authentication may be used"
NOT_IN_QUERY = "Client credentials must not be in the query"
MISSING = "Client credentials are missing"
NOT_BASIC = "The Authorization header must be Basic client credentials"
SCOPES = "The scope must be any combination of api_access, api_read and api_write"
GRANTS = "The only supported grant type is client_credentials"

# {id} and {secret} are the right ones, {basic} the header that has both, {off_id} and {off_secret} a switched-off editor's.
ROWS = [
    malformed("json", '{{"grant_type":"client_credentials"}}', NO_FORM, type="application/json"),
    malformed("no media type", GRANT, NO_FORM, type=None),
    malformed("multipart", GRANT, NO_FORM, type="multipart/form-data; boundary=x"),
    malformed("media type before all else", "grant_type=%ZZ", NO_FORM, type="text/plain", query="client_id=x"),
    malformed("broken escape", "grant_type=%ZZ", BAD_FORM),
    malformed("half an escape", "grant_type=%4", BAD_FORM),
    malformed("NUL", "grant_type=a%00b", BAD_FORM),
    malformed("not UTF-8", "grant_type=%ff", BAD_FORM),
    malformed("query that is no form", GRANT, BAD_QUERY, query="a=%ff"),
    malformed("repeated grant_type", f"{GRANT}&{GRANT}", REPEATED),
    malformed("repeated scope", GRANT + "&client_id={id}&client_secret={secret}&scope=api_read&scope=api_read", REPEATED),
    malformed("repeated unknown parameter", GRANT + "&x=1&x=2", REPEATED),
    malformed("repeated Authorization", GRANT, "The Authorization header is repeated",
              headers=[("Authorization", "{basic}"), ("Authorization", "{basic}")]),
    malformed("empty body", "", NO_GRANT),
    malformed("no grant_type", "client_id={id}&client_secret={secret}", NO_GRANT),
    malformed("empty grant_type", "grant_type=&client_id={id}&client_secret={secret}", NO_GRANT),
    malformed("grant_type in the query", "client_id={id}&client_secret={secret}", NO_GRANT, query=GRANT),
    row("another grant", "grant_type=password&username=a&password=b", 400, "unsupported_grant_type", GRANTS),
    row("another grant before wrong credentials", "grant_type=Client_Credentials&client_id=x&client_secret=y", 400,
        "unsupported_grant_type", GRANTS),
    malformed("credentials in the query", GRANT, NOT_IN_QUERY, query="client_id={id}&client_secret={secret}"),
    malformed("a secret in the query", GRANT + "&client_id={id}", NOT_IN_QUERY, query="client_secret={secret}"),
    malformed("both ways", GRANT + "&client_id={id}&client_secret={secret}", ONE_WAY, headers=[("Authorization", "{basic}")]),
    malformed("another id beside Basic", GRANT + "&client_id=another", "The client_id is not that of the Authorization header",
              headers=[("Authorization", "{basic}")]),
    not_a_client("no credentials", GRANT, MISSING),
    not_a_client("no secret", GRANT + "&client_id={id}", MISSING),
    not_a_client("no id", GRANT + "&client_secret={secret}", MISSING),
    not_a_client("empty secret", GRANT + "&client_id={id}&client_secret=", MISSING),
    not_a_client("Bearer", GRANT, NOT_BASIC, headers=[("Authorization", "Bearer vr_at_x")]),
    not_a_client("Basic without base64", GRANT, NOT_BASIC, headers=[("Authorization", "Basic ?")]),
    not_a_client("Basic without a colon", GRANT, NOT_BASIC, headers=[("Authorization", basic("nobody"))]),
    not_a_client("Basic without a secret", GRANT, NOT_BASIC, headers=[("Authorization", basic("nobody:"))]),
    not_a_client("unknown id", GRANT + "&client_id=nobody&client_secret={secret}"),
    not_a_client("wrong secret", GRANT + "&client_id={id}&client_secret=wrong"),
    not_a_client("wrong secret in Basic", GRANT, headers=[("Authorization", basic("nobody:wrong"))]),
    not_a_client("wrong secret and unknown scope", GRANT + "&client_id={id}&client_secret=wrong&scope=admin"),
    not_a_client("the editor's id for the client id", GRANT + "&client_id={editor}&client_secret={secret}"),
    not_a_client("switched off", GRANT + "&client_id={off_id}&client_secret={off_secret}", "Editor is not authorized or active"),
    not_a_client("switched off, wrong secret", GRANT + "&client_id={off_id}&client_secret=wrong"),
    row("unknown scope", GRANT + "&client_id={id}&client_secret={secret}&scope=admin", 400, "invalid_scope", SCOPES),
    row("one unknown scope", GRANT + "&scope=api_read+admin", 400, "invalid_scope", SCOPES, headers=[("Authorization", "{basic}")]),
    row("scope in capitals", GRANT + "&scope=API_READ", 400, "invalid_scope", SCOPES, headers=[("Authorization", "{basic}")]),
    row("GET", "", 405, "Method not allowed", None, method="GET", type=None),
    row("PUT", GRANT, 405, "Method not allowed", None, method="PUT"),
    row("DELETE", "", 405, "Method not allowed", None, method="DELETE", type=None),
]


@pytest.fixture(scope="module")
def names(stack):
    """What the rows' braces stand for."""
    client, off = Editor(stack), Editor(stack)
    off.command("deauthorize")
    return {"id": client.client_id, "secret": client.client_secret, "editor": client.id, "off_id": off.client_id,
            "off_secret": off.client_secret, "basic": basic(f"{client.client_id}:{client.client_secret}")}


def bytes_of(one, names):
    headers = [("X-Request-Id", "row-1")] + [(name, value.format(**names)) for name, value in one.headers]
    if one.type:
        headers.append(("Content-Type", one.type))
    target = "/oauth/token" + ("?" + one.query.format(**names) if one.query else "")
    return request(one.method, target, headers, one.body.format(**names).encode())


# --- what is wanted ---


def wanted_head(status, length, before=(), after=(), connection="keep-alive"):
    """`before` Content-Type and `after` it; both as auth orders them. Lines are regular expressions."""
    lines = [f"HTTP/1.1 {status} {REASONS[status]}", "Date: .*", "X-Request-Id: row-1", "X-Content-Type-Options: nosniff",
             "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
             "Referrer-Policy: same-origin", *before, "Content-Type: application/json; charset=utf-8", *after,
             "Cache-Control: no-store", "Pragma: no-cache", f"Content-Length: {length}", f"Connection: {connection}"]
    return "\r\n".join(lines)


def check_head(head, wanted):
    for want, got in itertools.zip_longest(wanted.split("\r\n"), head.split("\r\n"), fillvalue=""):
        assert re.fullmatch(want, got) or want == got


def rate(remaining):
    return ["X-RateLimit-Limit: 60", f"X-RateLimit-Remaining: {remaining}", r"X-RateLimit-Reset: 1\d{9}"]


def wanted_of(one):
    body = {"error": one.error} if one.description is None else {"error": one.error, "error_description": one.description}
    text = json.dumps(body, separators=(",", ":")).encode()
    before = [f"WWW-Authenticate: {re.escape(CHALLENGE)}"] if one.status == 401 else []
    before += ["Allow: POST"] if one.status == 405 else []
    after = rate(r"\d+") if one.error == "invalid_scope" else []
    return wanted_head(one.status, len(text), before, after), text


def answer_bytes(port, data):
    """Head and body as they came."""
    with connect(port) as connection:
        connection.sendall(data)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        length = int(re.search(rb"\r\nContent-Length: (\d+)", head).group(1))
        while len(body) < length:
            body += connection.recv(65536)
        return head.decode("ascii"), body


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.name)
def test_a_refusal(stack, names, one):
    head, text = wanted_of(one)
    got_head, got_text = answer_bytes(int(stack.env["VR_AUTH_HTTP_PORT"]), bytes_of(one, names))
    assert got_text == text
    check_head(got_head, head)

    if one.name == "repeated Authorization":
        return  # the front door has refused it itself
    outside = exchange(int(stack.env["VR_HTTP_PORT"]), bytes_of(one, names))
    assert (outside.status, outside.body) == (one.status, text)
    changing = ("Date", "Connection", "X-RateLimit-Remaining")
    for line in got_head.split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        assert name in changing or outside.header(name) == value


@pytest.mark.parametrize("data, status, error", [
    (request("POST", "/oauth/token?a=%ZZ", [("X-Request-Id", "row-1"), ("Content-Type", FORM)], GRANT.encode()), 400, "Bad request"),
    (request("POST", "/oauth/token", [("X-Request-Id", "row-1"), ("Content-Type", FORM), ("Transfer-Encoding", "chunked")],
             b"0\r\n\r\n"), 400, "Bad request"),
    (request("POST", "/oauth/token", [("X-Request-Id", "row-1"), ("Content-Type", FORM), ("Content-Length", "65537")]), 413,
     "Request body is too large"),
    (b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: row-1\r\n\r\n", 411, "Content-Length required"),
], ids=["broken target", "chunked", "too large", "no length"])
def test_a_refusal_of_the_edge(stack, data, status, error):
    """Before it is known whether it is a request for a token: in the form of all other errors; the connection ends."""
    head, body = answer_bytes(int(stack.env["VR_AUTH_HTTP_PORT"]), data)
    assert body == json.dumps({"error": error}, separators=(",", ":")).encode()
    check_head(head, wanted_head(status, len(body), connection="close"))


@pytest.mark.parametrize("how, scope, given", [
    ("form", None, "api_access"),
    ("form", "", "api_access"),
    ("form", "api_read", "api_read"),
    ("basic", None, "api_access"),
    ("basic", "api_write api_read", "api_read api_write"),
    ("basic", "api_write api_access api_read api_write", "api_access api_read api_write"),
])
def test_a_token(stack, names, how, scope, given):
    form = GRANT if how == "basic" else GRANT + "&client_id={id}&client_secret={secret}"
    form += "" if scope is None else "&scope=" + scope.replace(" ", "+")
    headers = [("Authorization", "{basic}")] if how == "basic" else []
    head, body = answer_bytes(int(stack.env["VR_AUTH_HTTP_PORT"]),
                              bytes_of(row("", form, 200, "", "", headers=headers, type=FORM + "; charset=UTF-8"), names))
    assert re.fullmatch(rb'{"access_token":"vr_at_[A-Za-z0-9_-]{43}","token_type":"Bearer","expires_in":86400,"scope":"%b",'
                        rb'"created_at":1\d{9}}' % given.encode(), body)
    wanted = wanted_head(200, len(body), after=rate(r"\d+"))
    check_head(head, wanted)


def test_too_many(stack):
    """The 61st request of an editor within the hour; wrong credentials before it used up nothing."""
    editor = Editor(stack)
    port = int(stack.env["VR_AUTH_HTTP_PORT"])
    own = {"basic": basic(f"{editor.client_id}:{editor.client_secret}")}
    good = bytes_of(row("", GRANT, 200, "", "", headers=[("Authorization", "{basic}")]), own)
    wrong = bytes_of(row("", GRANT + f"&client_id={editor.client_id}&client_secret=wrong", 401, "", ""), own)
    for remaining in reversed(range(60)):
        assert exchange(port, wrong).header("X-RateLimit-Limit") is None
        answer = exchange(port, good)
        assert (answer.status, answer.header("X-RateLimit-Remaining")) == (200, str(remaining))
    head, body = answer_bytes(port, good)
    wait = int(re.search(r"Retry-After: (\d+)", head).group(1))
    assert 3500 < wait <= 3600
    assert body == b'{"error":"Rate limit exceeded","retry_after":%d}' % wait
    wanted = wanted_head(429, len(body), before=[f"Retry-After: {wait}"], after=rate(0))
    check_head(head, wanted)
    assert exchange(port, wrong).status == 401


# --- a stack of its own: one client in a hurry, and what is said while nothing can be known ---

SCOPE_SETS = [" ".join(some) for size in (1, 2, 3) for some in itertools.combinations(("api_access", "api_read", "api_write"), size)]
THREADS = 64
PER_THREAD = 200


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory):
    one = Stack(tmp_path_factory.mktemp("stack"), VR_RATE_LIMIT_TOKEN="0", VR_RATE_LIMIT_API="0")
    yield one.start()
    one.stop()


def in_threads(work, count):
    """work(i) for each of range(count), each thread in its own pace."""
    def run(first):
        return [work(i) for i in range(first, count, THREADS)]

    with ThreadPoolExecutor(THREADS) as threads:
        return list(itertools.chain(*threads.map(run, range(THREADS))))


def test_64_threads_leave_one_token_per_scope_set(unlimited):
    editor = Editor(unlimited)
    port = int(unlimited.env["VR_HTTP_PORT"])
    own = threading.local()
    headers = {"Authorization": basic(f"{editor.client_id}:{editor.client_secret}"), "Content-Type": FORM}

    def send(method, path, body=None, headers=None):
        if not hasattr(own, "connection"):
            own.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        own.connection.request(method, path, body, headers)
        answer = own.connection.getresponse()
        return answer.status, answer.read()

    def ask(i):
        scope = SCOPE_SETS[i % len(SCOPE_SETS)]
        status, body = send("POST", "/oauth/token", f"{GRANT}&scope={scope.replace(' ', '+')}", headers)
        return status, scope, json.loads(body)["access_token"] if status == 200 else body

    answers = in_threads(ask, THREADS * PER_THREAD)
    assert collections.Counter(status for status, _, _ in answers) == {200: THREADS * PER_THREAD}
    assert len({token for _, _, token in answers}) == THREADS * PER_THREAD

    def judge(i):
        _, scope, token = answers[i]
        status, _ = send("HEAD", "/api/v1/fields", headers={"Authorization": f"Bearer {token}"})
        return scope, status

    accepted = [(scope, status) for scope, status in in_threads(judge, len(answers)) if status != 401]
    assert sorted(accepted) == sorted((scope, 403 if scope == "api_write" else 200) for scope in SCOPE_SETS)
    kept = unlimited.redis()
    assert sum(kept.hget(key, "editor") == editor.id for key in kept.keys("vr:token:*")) == len(SCOPE_SETS)


@pytest.mark.parametrize("path, form", [("/oauth/token", GRANT), ("/oauth/introspect", "token=vr_at_" + "A" * 43),
                                        ("/oauth/revoke", "token=vr_at_" + "A" * 43)])
def test_redis_away(unlimited, path, form):
    """503, never 401; Retry-After is spread from 1 to 5 s."""
    editor = Editor(unlimited)
    data = request("POST", path, [("X-Request-Id", "row-1"), ("Content-Type", FORM),
                                  ("Authorization", basic(f"{editor.client_id}:{editor.client_secret}"))], form.encode())
    unlimited.pause("redis")
    try:
        head, body = answer_bytes(int(unlimited.env["VR_AUTH_HTTP_PORT"]), data)
    finally:
        unlimited.resume("redis")
    assert body == b'{"error":"temporarily_unavailable","error_description":"The service is temporarily unavailable"}'
    wanted = wanted_head(503, len(body), before=["Retry-After: [1-5]"])
    check_head(head, wanted)
    until(lambda: exchange(int(unlimited.env["VR_AUTH_HTTP_PORT"]), data).status == 200, 10, "tokens again")
