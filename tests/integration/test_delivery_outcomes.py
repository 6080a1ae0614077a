"""
What becomes of a webhook for each way an endpoint can behave: in time, in the right class, with the right thing to follow.
The classes are those of services/webhook/outcome_rules.c; here the real sender meets the real wire.
"""

import datetime
from email.utils import format_datetime

import pytest
from support.buyer import Buyer
from support.editor import Editor
from support.hostile import (Authority, Hostile, at_once, endless_headers, garbage, half_a_head, hangs_up, huge_body, no_handshake,
                             plain, refuses_all, resets, silent, trickling_body, trickling_head)
from support.receiver import Answer
from support.stack import Stack
from support.waiting import until

TIMEOUT_S = 2
CONNECT_TIMEOUT_S = 1
IN_TIME_MS = TIMEOUT_S * 1000 + 700
PLAN_S = 3600  # far enough that nothing follows by itself while a test looks
DAY_S = 86400


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory, authority):
    one = Stack(tmp_path_factory.mktemp("outcomes"), VR_WEBHOOK_TIMEOUT_S=str(TIMEOUT_S), VR_WEBHOOK_RETRY_JITTER="0",
                VR_WEBHOOK_CONNECT_TIMEOUT_S=str(CONNECT_TIMEOUT_S), VR_WEBHOOK_RETRY_SCHEDULE=f"{PLAN_S}s",
                VR_WEBHOOK_CA_FILE=str(authority.ca_file), VR_RATE_LIMIT_API="0", VR_RATE_LIMIT_TOKEN="0")
    one.start()
    yield one
    one.stop()


def complete(editor):
    created = editor.create_market()
    Buyer(created["configuration_url"]).complete()
    return created["identifier"]


def delivery_of(stack, identifier):
    """As the operator sees it, once no attempt runs."""
    def ended():
        listed = stack.run("vr-webhook", "deliveries", "list", identifier)["deliveries"]
        return listed and listed[0]["state"] != "leased" and (listed[0]["attempts"] or listed[0]["finished_at"]) and listed[0]

    return until(ended, TIMEOUT_S + 10, f"{identifier} attempted")


def send_to(stack, url):
    """A market of a new editor with that endpoint, and what became of its webhook."""
    editor = Editor(stack, webhook_url=url)
    identifier = complete(editor)
    return editor, identifier, delivery_of(stack, identifier)


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def planned_after_s(delivery):
    attempt = delivery["attempts"][-1]
    return seconds(delivery["next_attempt_at"]) - seconds(attempt["started_at"]) - attempt["duration_ms"] / 1000


def check(delivery, follows, outcome, status=None):
    """`follows`: "nothing" (delivered), "retry" (as planned), "end" (not by itself)."""
    [attempt] = delivery["attempts"]
    assert attempt["outcome"] in ([outcome] if isinstance(outcome, str) else outcome), attempt
    assert attempt["status_code"] == status
    assert attempt["duration_ms"] <= IN_TIME_MS
    wanted = {"nothing": ("succeeded", None), "retry": ("waiting", None), "end": ("failed", "final_outcome")}[follows]
    assert (delivery["state"], delivery["reason"]) == wanted
    assert (attempt["error"] is None) == (follows == "nothing")
    if follows == "retry":
        assert abs(planned_after_s(delivery) - PLAN_S) < 2
    else:
        assert delivery["next_attempt_at"] is None


# --- statuses ---

STATUSES = {
    **dict.fromkeys((200, 201, 202, 204, 299), ("nothing", "success")),
    **dict.fromkeys((300, 301, 302, 303, 307, 308), ("retry", "http_3xx")),
    **dict.fromkeys((400, 401, 403, 404, 405, 422), ("end", "http_4xx")),
    **dict.fromkeys((402, 406, 408, 409, 418, 425, 429, 451, 499), ("retry", "http_4xx")),
    **dict.fromkeys((500, 501, 502, 503, 504, 599), ("retry", "http_5xx")),
    **dict.fromkeys((600, 999), ("retry", "protocol")),
}


def test_every_class_of_status(stack, receiver):
    """Paths of one receiver tell which is meant; all are on their way at once."""
    receiver.default = lambda request: Answer(int(request.path[1:]), headers={"Location": receiver.url + "/elsewhere"})
    markets = {status: complete(Editor(stack, webhook_url=f"http://127.0.0.1:{receiver.port}/{status}")) for status in STATUSES}
    wrong = {}
    for status, identifier in markets.items():
        follows, outcome = STATUSES[status]
        try:
            check(delivery_of(stack, identifier), follows, outcome, status)
        except AssertionError as error:
            wrong[status] = str(error)
    assert not wrong
    assert sorted(request.path for request in receiver.requests) == sorted(f"/{status}" for status in STATUSES)


def http_date(after_s):
    return format_datetime(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=after_s), usegmt=True)


RETRY_AFTER = {
    "seconds": (lambda: "7200", 7200),
    "date": (lambda: http_date(7200), 7200),
    "sooner than planned": (lambda: "1", PLAN_S),
    "date gone by": (lambda: http_date(-100), PLAN_S),
    "at most a day": (lambda: "999999999999999999999", DAY_S),
    "date, at most a day": (lambda: http_date(10 * DAY_S), DAY_S),
    "nonsense": (lambda: "soon", PLAN_S),
}


@pytest.mark.parametrize("status", [408, 429, 503])
@pytest.mark.parametrize("value, wait_s", RETRY_AFTER.values(), ids=RETRY_AFTER.keys())
def test_retry_after(stack, receiver, status, value, wait_s):
    receiver.answer(Answer(status, headers={"Retry-After": value()}))
    _, _, delivery = send_to(stack, receiver.url)
    assert delivery["state"] == "waiting"
    assert abs(planned_after_s(delivery) - wait_s) < 3


# --- 410 ---

def test_gone_switches_the_endpoint_off(stack, receiver):
    receiver.answer(410)
    editor, _, delivery = send_to(stack, receiver.url)
    check(delivery, "end", "http_4xx", 410)
    [endpoint] = [one for one in stack.run("vr-webhook", "endpoints", "list")["endpoints"] if one["editor_id"] == editor.id]
    assert not endpoint["enabled"] and endpoint["disabled_at"] and "410" in endpoint["obstacle"]

    later = complete(editor)
    until(lambda: editor.market(later)["sync_status"] == "sync_failed", 10, "failed without an attempt")
    refused = delivery_of(stack, later)
    assert (refused["state"], refused["reason"], refused["attempts"]) == ("failed", "endpoint_disabled", [])
    assert "410" in refused["error"]
    [shown] = editor.deliveries(later)
    assert (shown["state"], shown["error"], shown["attempts"]) == ("failed", refused["error"], [])
    assert len(receiver.requests) == 1

    enabled = stack.run("vr-webhook", "endpoints", "enable", editor.client_id)
    assert enabled["enabled"] and enabled["obstacle"] is None
    assert editor.call("POST", f"/public_markets/{later}/retry_sync").ok
    until(lambda: editor.market(later)["sync_status"] == "sync_completed", 10, "delivered once enabled")
    assert [request.json()["market"]["identifier"] for request in receiver.requests].count(later) == 1


def test_a_new_url_enables_it_too(stack, receiver):
    receiver.answer(410)
    editor, _, _ = send_to(stack, receiver.url)
    editor.command("update", "--webhook-url", receiver.url + "/new")
    until(lambda: stack.query("webhook", "SELECT 1 FROM endpoints WHERE editor_id = ? AND disabled_at IS NULL", editor.id), 10,
          "enabled")
    assert delivery_of(stack, complete(editor))["state"] == "succeeded"


# --- the wire ---

WIRE = {
    "never answers": (silent, "retry", "timeout", None),
    "trickles its head": (trickling_head, "retry", "timeout", None),
    "trickles a body after 200": (trickling_body(200), "nothing", "success", 200),
    "trickles a body after 500": (trickling_body(500), "retry", "http_5xx", 500),
    "a gigabyte after 200": (huge_body(200), "nothing", "success", 200),
    "a gigabyte after 503": (huge_body(503), "retry", "http_5xx", 503),
    "resets at once": (at_once, "retry", ("connect", "protocol"), None),  # whichever side is quicker
    "resets after the request": (resets, "retry", "protocol", None),
    "hangs up after the request": (hangs_up, "retry", "protocol", None),
    "half a head": (half_a_head, "retry", "protocol", None),
    "not HTTP": (garbage, "retry", "protocol", None),
    "headers without end": (endless_headers, "retry", "protocol", None),
}
TAKEN_MAX_BYTES = 16 << 20  # what sockets' buffers hold, and no more


@pytest.mark.parametrize("behave, follows, outcome, status", WIRE.values(), ids=WIRE.keys())
def test_what_the_wire_may_do(stack, behave, follows, outcome, status):
    with Hostile(behave) as one:
        _, identifier, delivery = send_to(stack, one.url)
    check(delivery, follows, outcome, status)
    assert one.connections == 1 and one.sent < TAKEN_MAX_BYTES
    assert len(delivery["attempts"][0]["response_excerpt"] or "") <= 1024
    assert len(stack.query("webhook", "SELECT 1 FROM deliveries WHERE market = ?", identifier)) == 1


def test_nobody_listens(stack):
    with Hostile(silent) as one:
        port = one.port
    _, _, delivery = send_to(stack, f"http://127.0.0.1:{port}/webhook")
    check(delivery, "retry", "connect")


def test_a_name_that_does_not_exist(stack):
    _, _, delivery = send_to(stack, "https://webhooks.nowhere.invalid/webhook")
    assert delivery["attempts"][0]["outcome"] in ("connect", "timeout")  # a resolver may say no, or nothing at all
    check(delivery, "retry", delivery["attempts"][0]["outcome"])


# --- TLS ---

def test_an_authority_of_the_operators(stack, authority):
    with Hostile(plain(200), authority.context("localhost")) as one:
        _, _, delivery = send_to(stack, one.url)
    check(delivery, "nothing", "success", 200)
    assert one.requests == 1


TLS = {
    "another name": {"name": "elsewhere.example"},
    "self-signed": {"name": "localhost", "signed": False},
    "expired": {"name": "localhost", "days": -1},
}


@pytest.mark.parametrize("options", TLS.values(), ids=TLS.keys())
def test_a_certificate_that_is_not_good(stack, authority, options):
    with Hostile(plain(200), authority.context(**options)) as one:
        _, _, delivery = send_to(stack, one.url)
    check(delivery, "end", "tls")
    assert one.requests == 0  # not a byte of the webhook was told to it
    assert "TLS" in delivery["attempts"][0]["error"]


def test_a_server_without_tls(stack):
    with Hostile(refuses_all) as one:
        _, _, delivery = send_to(stack, f"https://localhost:{one.port}/webhook")
    check(delivery, "end", "tls")
    assert one.requests == 0


def test_a_handshake_without_end(stack, authority):
    with Hostile(no_handshake, authority.context("localhost")) as one:
        _, _, delivery = send_to(stack, one.url)
    check(delivery, "retry", "timeout")
    assert delivery["attempts"][0]["duration_ms"] < TIMEOUT_S * 1000
