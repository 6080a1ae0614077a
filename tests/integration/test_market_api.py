"""What an editor's developer finds beyond creating a market: lists, deliveries, retry, key figures, limits."""

import pytest
from support.editor import Editor
from support.waiting import until


@pytest.fixture
def patient(stack, receiver):
    """An editor whose failed notifications wait for an hour."""
    one = Editor(stack, webhook_url=receiver.url)
    one.command("update", "--retry-schedule", "1h")
    return one


def in_state(editor, identifier, state):
    until(lambda: editor.market(identifier)["sync_status"] == state, 20, state)


def pages_of(editor, query):
    """The identifiers of each page, by the links alone."""
    answer = editor.call("GET", f"/public_markets?{query}")
    while True:
        assert answer.status_code == 200, answer.text
        assert (answer.json()["next_cursor"] is None) == ("next" not in answer.links)
        yield [market["identifier"] for market in answer.json()["public_markets"]]
        if "next" not in answer.links:
            return
        url = answer.links["next"]["url"]
        assert url.startswith(f"{editor.stack.url}/api/v1/")
        answer = editor.call("GET", url.partition("/api/v1")[2])


def test_a_list_is_walked_by_its_links(editor, stack):
    Editor(stack).create_market()
    created = [editor.create_market()["identifier"] for _ in range(7)]

    pages = list(pages_of(editor, "limit=3"))

    assert [len(page) for page in pages] == [3, 3, 1]
    assert sum(pages, []) == created[::-1]
    assert list(pages_of(editor, "limit=7")) == [created[::-1]]
    assert editor.call("GET", "/public_markets").json()["public_markets"][0] == editor.market(created[-1])


def test_a_list_filters_by_state(editor, buy):
    first, second = editor.create_market(), editor.create_market()
    buy(first).complete()
    in_state(editor, first["identifier"], "sync_completed")

    assert list(pages_of(editor, "status=completed")) == [[first["identifier"]]]
    assert list(pages_of(editor, "status=created")) == [[second["identifier"]]]
    assert list(pages_of(editor, "sync_status=sync_completed")) == [[first["identifier"]]]
    assert list(pages_of(editor, "sync_status=sync_failed")) == [[]]


def test_deliveries_are_read_while_webhook_is_down(make_stack, receiver, buy):
    stack = make_stack()
    editor = Editor(stack, webhook_url=receiver.url)
    created = editor.create_market()
    buy(created).complete()
    in_state(editor, created["identifier"], "sync_completed")
    stack.hold_down("webhook")

    (delivery,) = editor.deliveries(created["identifier"])

    assert delivery["id"] == receiver.of(created["identifier"])[0].header("webhook-id")
    assert (delivery["state"], delivery["next_attempt_at"], delivery["error"]) == ("succeeded", None, None)
    (attempt,) = delivery["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["status_code"], attempt["error"]) == (1, "success", 200, None)


def test_a_market_without_an_endpoint_says_why(stack, buy):
    editor = Editor(stack)
    created = editor.create_market()
    buy(created).complete()
    in_state(editor, created["identifier"], "sync_failed")

    (delivery,) = editor.deliveries(created["identifier"])

    assert delivery["state"] == "failed" and delivery["error"] and delivery["attempts"] == []


def test_the_editors_retry_delivers_the_same_again(patient, receiver, buy):
    receiver.answer(503)
    created = patient.create_market()
    buy(created).complete()
    in_state(patient, created["identifier"], "sync_failed")
    (delivery,) = patient.deliveries(created["identifier"])
    assert delivery["state"] == "pending" and delivery["next_attempt_at"]

    answer = patient.call("POST", f"/public_markets/{created['identifier']}/retry_sync")

    assert (answer.status_code, answer.json()["sync_status"]) == (202, "sync_pending")
    in_state(patient, created["identifier"], "sync_completed")
    first, second = receiver.of(created["identifier"])
    assert (first.body, first.header("webhook-id")) == (second.body, second.header("webhook-id"))
    (delivery,) = patient.deliveries(created["identifier"])
    assert [(one["number"], one["outcome"]) for one in delivery["attempts"]] == [(1, "http_5xx"), (2, "success")]
    assert patient.call("POST", f"/public_markets/{created['identifier']}/retry_sync").status_code == 409


def test_the_button_and_the_api_share_three_retries_an_hour(patient, receiver, buy):
    receiver.answer(503, 503, 503, 503, 503)
    created = patient.create_market()
    path = f"/public_markets/{created['identifier']}/retry_sync"
    buyer = buy(created)
    buyer.complete()
    for number in range(3):
        in_state(patient, created["identifier"], "sync_failed")
        if number == 1:
            form = next(form for form in buyer.open("sync_status").forms if form.action.endswith("/retry_sync"))
            assert buyer.http.post(form.action, data=form.sent({}), allow_redirects=False, timeout=15).status_code == 303
        else:
            assert patient.call("POST", path).status_code == 202
        receiver.wait(number + 2, identifier=created["identifier"])
    in_state(patient, created["identifier"], "sync_failed")

    refused = patient.call("POST", path)

    assert refused.status_code == 429 and refused.json()["error"] == "Rate limit exceeded"
    assert 0 < refused.json()["retry_after"] == int(refused.headers["Retry-After"]) <= 3600
    assert len(receiver.of(created["identifier"])) == 4


def test_no_retry_for_an_editor_who_is_off(patient, receiver, buy):
    receiver.answer(503)
    created = patient.create_market()
    buy(created).complete()
    in_state(patient, created["identifier"], "sync_failed")
    patient.command("deauthorize")

    refused = patient.call("POST", f"/public_markets/{created['identifier']}/retry_sync")

    assert (refused.status_code, refused.json()) == (403, {"error": "Forbidden"})


def test_key_figures_are_of_the_caller_and_of_the_period(editor, stack, buy):
    other = Editor(stack)
    other.create_market()
    first = editor.create_market()
    editor.create_market()
    buy(first).complete()
    in_state(editor, first["identifier"], "sync_completed")

    figures = editor.call("GET", "/stats").json()

    assert figures["markets"] == {"created": 2, "completed": 1, "conversion_rate": 0.5}
    assert 0 <= figures["configuration"]["median_seconds"] == figures["configuration"]["average_seconds"] < 60
    assert figures["webhooks"]["delivered"] == figures["webhooks"]["delivered_at_first_attempt"] == 1
    assert figures["webhooks"]["success_rate"] == 1
    past = editor.call("GET", "/stats?from=2020-01-01&to=2020-01-31").json()
    assert (past["from"], past["to"]) == ("2019-12-31T23:00:00Z", "2020-01-31T23:00:00Z")
    assert past["markets"]["created"] == 0 and past["webhooks"]["success_rate"] is None


def test_the_limit_is_told_and_kept_over_all_requests(make_stack):
    stack = make_stack(VR_RATE_LIMIT_API="5")
    editor, other = Editor(stack), Editor(stack)
    answers = [editor.call("GET", path) for path in ("/fields", "/public_markets", "/stats", "/public_markets/x", "/fields", "/fields")]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"5"}
    assert len({answer.headers["X-RateLimit-Reset"] for answer in answers}) == 1
    assert answers[-1].json()["error"] == "Rate limit exceeded"
    assert other.call("GET", "/fields").status_code == 200
    assert editor.http.get(f"{stack.url}/api/v1/status", timeout=15).status_code == 200
    stack.restart("market")
    assert editor.call("GET", "/fields").status_code == 429
    assert stack.metric("market", "vr_rate_limited_total", scope="api") == 1


def test_a_limit_of_zero_is_none(make_stack):
    editor = Editor(make_stack(VR_RATE_LIMIT_API="0"))
    answer = editor.call("GET", "/fields")
    assert answer.status_code == 200 and "X-RateLimit-Limit" not in answer.headers
