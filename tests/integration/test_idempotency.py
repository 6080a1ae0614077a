"""One Idempotency-Key, one market: however many ask at once, and whatever dies meanwhile."""

import concurrent.futures
import itertools
import json
import threading

import pytest
import requests
from support.editor import MARKET, Editor
from support.waiting import until

PARALLEL = 50
BODY = json.dumps({"public_market": MARKET}).encode()
_keys = itertools.count(1)


@pytest.fixture
def key():
    return f"test-{next(_keys)}"


def ask(editor, key, body=BODY):
    """On a connection of its own: they really are at once."""
    headers = {"Authorization": f"Bearer {editor.token()}", "Content-Type": "application/json", "Idempotency-Key": key}
    return requests.post(f"{editor.stack.url}/api/v1/public_markets", data=body, headers=headers, timeout=30)


def ask_at_once(editor, key, count=PARALLEL, body_of=lambda _: BODY):
    editor.token()
    together = threading.Barrier(count)

    def one(number):
        together.wait()
        return ask(editor, key, body_of(number))

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def markets_of(editor):
    return [row["identifier"] for row in
            editor.stack.query("market", "SELECT identifier FROM markets WHERE editor_id = ?", editor.id)]


def created_events(editor, identifier):
    return editor.stack.query("market", "SELECT id FROM outbox WHERE type = 'market.created' AND aggregateid = ?", identifier)


def test_fifty_at_once_make_one_market(editor, key):
    answers = ask_at_once(editor, key)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert markets_of(editor) == [answers[0].json()["identifier"]]
    assert len(created_events(editor, answers[0].json()["identifier"])) == 1


def test_fifty_bodies_of_one_key_make_one_market(editor, key):
    answers = ask_at_once(editor, key, body_of=lambda number: BODY + b" " * number)

    assert sorted(answer.status_code for answer in answers) == [201] + [422] * (PARALLEL - 1)
    assert len(markets_of(editor)) == 1


def test_fifty_keys_make_fifty_markets(editor, key):
    editor.token()
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        answers = list(pool.map(lambda number: ask(editor, f"{key}-{number}"), range(PARALLEL)))

    assert {answer.status_code for answer in answers} == {201}
    assert len(set(markets_of(editor))) == PARALLEL


def test_refusals_are_forgotten(editor, key):
    assert ask(editor, key, b'{"public_market":{}}').status_code == 422
    assert ask(editor, key).status_code == 201


def test_the_key_of_another_editor_is_another_key(editor, key, stack):
    other = Editor(stack)
    assert ask(editor, key).json()["identifier"] != ask(other, key).json()["identifier"]


def ask_until_answered(editor, key):
    """As a client that was told 503 does."""
    answers = []

    def answered():
        answers.append(ask(editor, key))
        assert answers[-1].status_code in (201, 503), answers[-1].text
        return answers[-1].status_code == 201

    until(answered, 20, "an answer from market")
    return answers[-1]


def test_one_market_whatever_dies_in_the_middle(make_stack):
    """market is killed at once, and later and later, until a whole round got through before."""
    stack = make_stack()
    editor = Editor(stack)
    editor.token()
    for number, delay in enumerate((0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08)):
        key, before = f"kill-{number}", set(markets_of(editor))
        killer = threading.Timer(delay, stack.kill, ["market"])
        killer.start()
        answers = ask_at_once(editor, key)
        killer.join()

        retried = ask_until_answered(editor, key)

        assert {answer.status_code for answer in answers} <= {201, 503}
        identifier = retried.json()["identifier"]
        assert {answer.json()["identifier"] for answer in answers if answer.status_code == 201} <= {identifier}
        assert set(markets_of(editor)) - before == {identifier}
        assert len(created_events(editor, identifier)) == 1
        assert editor.market(identifier)["status"] == "created"
