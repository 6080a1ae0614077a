"""
The sender killed again and again while webhooks go out: the counting oracle must find nothing lost and nothing made up.
VR_TEST_KILLS=200 for a long run (20 otherwise); VR_TEST_SEED=n repeats a run's dice.
"""

import contextlib
import hashlib
import os
import random
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.buyer import Buyer
from support.editor import Editor
from support.receiver import Answer, Receiver
from support.stack import Stack
from support.waiting import until

KILLS = int(os.environ.get("VR_TEST_KILLS") or 20)
READY_EACH = 8 if KILLS > 50 else 4  # waited for until it has joined its group, which takes a session's time after a kill
BUYERS = 3  # at once
DRAIN_WITHIN_S = 120


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    one = Stack(tmp_path_factory.mktemp("sender"), VR_WEBHOOK_RETRY_SCHEDULE=",".join(["1s"] * 30), VR_WEBHOOK_RETRY_JITTER="0.5",
                VR_WEBHOOK_LEASE_S="3", VR_WEBHOOK_TIMEOUT_S="2", VR_WEBHOOK_CONNECT_TIMEOUT_S="1", VR_WEBHOOK_BREAKER_FAILURES="0",
                VR_RECONCILE_AFTER_S="10", VR_RATE_LIMIT_API="0", VR_RATE_LIMIT_TOKEN="0",
                VR_KAFKA_SESSION_TIMEOUT_MS="3500", VR_KAFKA_HEARTBEAT_INTERVAL_MS="500")
    one.start()
    yield one
    one.stop()


@pytest.fixture
def seeded():
    seed = int(os.environ.get("VR_TEST_SEED") or random.randrange(2**32))
    print(f"VR_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def receiver(seeded):
    """Takes its time, so that many are on their way when the sender dies; refuses one in eight."""
    lock = threading.Lock()

    def decide(_request):
        with lock:
            return Answer(503 if seeded.random() < 0.125 else 200, delay=seeded.uniform(0, 0.3))

    with Receiver(default=decide) as one:
        yield one


class Load:
    """
    Buyers who complete markets, one after the other, until stopped. What a busy machine refuses (a 503 is an honest answer) is
    left alone: accepted only counts what a buyer saw confirmed.
    """

    def __init__(self, editor):
        self.editor = editor
        self.accepted, self.ambiguous = set(), set()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(BUYERS)

    def __enter__(self):
        self.editor.token()
        self._running = [self._threads.submit(self._buy) for _ in range(BUYERS)]
        return self

    def __exit__(self, *_error):
        self._stop.set()
        for one in self._running:
            one.result()

    def _buy(self):
        while not self._stop.is_set():
            answer = self.editor.ask_market()
            if answer.status_code == 503:
                continue
            assert answer.status_code == 201, answer.text
            created = answer.json()
            with self._lock:
                self.ambiguous.add(created["identifier"])
            with contextlib.suppress(AssertionError, requests.RequestException):
                Buyer(created["configuration_url"]).complete()
                with self._lock:
                    self.accepted.add(created["identifier"])
                    self.ambiguous.discard(created["identifier"])


def kill_again_and_again(stack, seeded):
    killed = None
    for number in range(KILLS):
        until(lambda: stack.pid("webhook") != killed, 15, "webhook restarted")
        if number % READY_EACH == 0:  # it has joined and sends what comes in; the others die over what they find in the database
            stack.wait_ready("webhook")
        time.sleep(seeded.uniform(0, 0.6))  # the moment is the dice's, not something to wait for
        killed = stack.kill("webhook")
    until(lambda: stack.pid("webhook") != killed, 15, "webhook restarted")
    stack.wait_ready("webhook")


def count(stack, service, sql, *parameters):
    return stack.query(service, f"SELECT count(*) AS n FROM {sql}", *parameters)[0]["n"]


def test_kills_under_load_lose_nothing_and_make_up_nothing(stack, receiver, seeded):
    editor = Editor(stack, webhook_url=receiver.url)
    until(lambda: stack.query("webhook", "SELECT 1 FROM endpoints WHERE editor_id = ?", editor.id), 15, "webhook knows the editor")
    began = time.monotonic()
    with Load(editor) as load:
        kill_again_and_again(stack, seeded)
    took_s = time.monotonic() - began

    def completed():
        return {row["identifier"] for row in stack.query("market", "SELECT identifier FROM markets WHERE status = 'completed'")}

    until(lambda: load.accepted <= completed(), DRAIN_WITHIN_S, "all completed")
    until(lambda: count(stack, "market", "markets WHERE status = 'completed' AND sync_status <> 'sync_completed'") == 0, DRAIN_WITHIN_S,
          "all delivered")
    rows = completed()
    assert len(load.accepted) >= KILLS  # there was a load
    assert load.accepted <= rows <= load.accepted | load.ambiguous

    sent = defaultdict(list)
    for request in receiver.requests:
        sent[request.json()["market"]["identifier"]].append(request)
    lost, phantom = rows - set(sent), set(sent) - rows
    ids = Counter()
    for identifier, told in sent.items():
        names = {request.header("webhook-id") for request in told}
        assert len(names) == len({hashlib.sha256(request.body).digest() for request in told}) == 1, identifier
        assert all(request.is_signed_by(editor.webhook_secret) for request in told), identifier
        ids.update(names)
    duplicates = len(receiver.requests) - len(sent)
    print(f"{KILLS} kills in {took_s:.0f} s, {len(rows)} markets ({len(rows) / took_s:.1f}/s), {len(receiver.requests)} requests, "
          f"{duplicates} more than markets; lost {len(lost)}, phantom {len(phantom)}")
    assert (lost, phantom) == (set(), set())
    assert len(ids) == len(rows) and set(ids.values()) == {1}
    for service in ("market", "webhook"):
        until(lambda service=service: count(stack, service, "outbox WHERE sent_at IS NULL") == 0, 15, f"{service}: outbox empty")
    assert count(stack, "webhook", "deliveries WHERE due_at IS NOT NULL") == 0  # nothing open, no lease left
    assert count(stack, "webhook", "deliveries") == len(rows)
    assert stack.run("vr-webhook", "doctor")["well"]
    # what the sender wrote down is what the receiver saw, but for answers that came when nobody was left to hear them
    assert count(stack, "webhook", "attempts WHERE outcome = 'success'") == len(rows)
    assert count(stack, "webhook", "attempts") <= len(receiver.requests)
