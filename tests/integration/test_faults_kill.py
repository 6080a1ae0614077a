"""
Parts that die, at any instant, between the buyer's confirmation and the webhook: nothing is lost, nothing is told twice
under two names. Each run prints its seed; VR_TEST_SEED=n repeats it.
"""

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.buyer import Buyer, Page
from support.editor import Editor
from support.receiver import Answer, Receiver
from support.stack import SERVICES, Stack
from support.waiting import until

KILLS = 50
CONFIRM_WITHIN_S = 60
DRAIN_WITHIN_S = 90


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Everything that waits, waits briefly."""
    one = Stack(tmp_path_factory.mktemp("faults"), VR_WEBHOOK_RETRY_SCHEDULE=",".join(["1s"] * 30), VR_WEBHOOK_RETRY_JITTER="0.2",
                VR_WEBHOOK_LEASE_S="2", VR_WEBHOOK_TIMEOUT_S="1", VR_WEBHOOK_CONNECT_TIMEOUT_S="1", VR_WEBHOOK_BREAKER_FAILURES="0",
                VR_RECONCILE_AFTER_S="5", VR_RATE_LIMIT_API="0", VR_RATE_LIMIT_TOKEN="0",
                VR_KAFKA_SESSION_TIMEOUT_MS="3500", VR_KAFKA_HEARTBEAT_INTERVAL_MS="500")
    one.start()
    yield one
    one.stop()


@pytest.fixture
def seeded():
    seed = int(os.environ.get("VR_TEST_SEED") or random.randrange(2**32))
    print(f"VR_TEST_SEED={seed}")
    return random.Random(seed)


def confirm(buyer, page):
    """Presses the button until the status page answers, as a person would."""
    def pressed():
        nonlocal page
        try:
            if page.step == "summary" and page.status == 200:
                page = buyer.submit(page)
            else:
                page = buyer.open("summary")
        except requests.RequestException:
            page = Page(_nothing(buyer))
        return page.status == 200 and page.step == "sync_status"

    until(pressed, CONFIRM_WITHIN_S, "confirmed")


def _nothing(buyer):
    """No answer at all, as a page."""
    response = requests.Response()
    response.status_code, response.url, response._content = 0, buyer.configuration_url, b""
    return response


class Oracle:
    """What must hold of every market that a buyer has confirmed, once things have settled."""

    def __init__(self, stack, editor, receiver):
        self.stack, self.editor, self.receiver = stack, editor, receiver
        self.confirmed = set()
        self._lock = threading.Lock()

    def add(self, identifier):
        with self._lock:
            self.confirmed.add(identifier)

    def states(self):
        rows = self.stack.query("market", "SELECT identifier, status, sync_status FROM markets WHERE editor_id = ?", self.editor.id)
        return {row["identifier"]: (row["status"], row["sync_status"]) for row in rows}

    def settle(self):
        wanted = ("completed", "sync_completed")
        until(lambda: all(self.states().get(one) == wanted for one in self.confirmed), DRAIN_WITHIN_S,
              "all completed and delivered")

    def pending(self):
        return {service: self.stack.query(service, "SELECT count(*) AS n FROM outbox WHERE sent_at IS NULL")[0]["n"]
                for service in ("auth", "market", "webhook")}

    def check(self):
        states = self.states()
        assert {one for one, (status, _) in states.items() if status == "completed"} == self.confirmed
        names = {}
        for identifier in self.confirmed:
            requests_ = self.receiver.of(identifier)
            assert requests_, f"{identifier}: lost"
            ids = {request.header("webhook-id") for request in requests_}
            bodies = {request.body for request in requests_}
            assert len(ids) == len(bodies) == 1, f"{identifier}: told {len(requests_)} times, as {ids}"
            assert all(request.is_signed_by(self.editor.webhook_secret) for request in requests_), identifier
            names[identifier] = ids.pop()
            shown = self.editor.market(identifier)
            assert (shown["status"], shown["sync_status"]) == ("completed", "sync_completed")
            told = requests_[0].json()["market"]
            assert {key: shown[key] for key in told} == told, identifier
        assert len(set(names.values())) == len(self.confirmed)
        assert {request.json()["market"]["identifier"] for request in self.receiver.requests} == self.confirmed
        until(lambda: not any(self.pending().values()), 15, "outboxes empty")
        open_ones = self.stack.query("webhook", "SELECT id FROM deliveries WHERE due_at IS NOT NULL AND editor_id = ?", self.editor.id)
        assert open_ones == []


@pytest.fixture
def fickle_receiver(seeded):
    """Answers every other market 503 first, and everybody after a while: time for a sender to die in between."""
    seen, odd = Counter(), {}
    lock = threading.Lock()

    def decide(request):
        identifier = request.json()["market"]["identifier"]
        with lock:
            seen[identifier] += 1
            is_odd = odd.setdefault(identifier, len(odd) % 2 == 1)
            delay = seeded.uniform(0, 0.15)
        return Answer(503 if is_odd and seen[identifier] == 1 else 200, delay=delay)

    with Receiver(default=decide) as one:
        yield one


@pytest.fixture
def oracle(stack, fickle_receiver):
    editor = Editor(stack, webhook_url=fickle_receiver.url)
    known = "SELECT 1 FROM endpoints WHERE editor_id = ?"
    until(lambda: stack.query("webhook", known, editor.id), 15, "webhook knows the editor")
    return Oracle(stack, editor, fickle_receiver)


def at_summary(oracle, count):
    """So many buyers with their hand on the button: [(identifier, buyer, page)]."""
    oracle.editor.token()

    def one(_):
        market = oracle.editor.create_market()
        buyer = Buyer(market["configuration_url"])
        return market["identifier"], buyer, buyer.go_to_summary()

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(one, range(count)))


def press(oracle, identifier, buyer, page):
    confirm(buyer, page)
    oracle.add(identifier)


def in_turn(seeded, count):
    """The four services, each as often as the others, in an order of chance."""
    order = []
    while len(order) < count:
        order += seeded.sample(SERVICES, len(SERVICES))
    return order[:count]


def test_fifty_kills_lose_nothing(stack, oracle, seeded):
    hands = at_summary(oracle, KILLS)
    killed = {}
    for number, (service, hand) in enumerate(zip(in_turn(seeded, KILLS), hands)):
        until(lambda service=service: stack.pid(service) != killed.get(service), 15, f"{service} restarted")
        if number % 2:  # half die in the middle of work, half before they have begun
            stack.wait_ready(service)
        with ThreadPoolExecutor(1) as threads:
            pressing = threads.submit(press, oracle, *hand)
            time.sleep(seeded.uniform(0, 0.1))
            killed[service] = stack.kill(service)
            pressing.result()
    assert len(oracle.confirmed) == KILLS
    oracle.settle()
    oracle.check()
    stack.wait_ready()
    duplicates = len(oracle.receiver.requests) - KILLS
    print(f"{KILLS} kills, {KILLS} markets, {duplicates} requests more than markets")


def test_all_four_at_once_under_load(stack, oracle, seeded):
    hands = at_summary(oracle, 24)
    with ThreadPoolExecutor(8) as threads:
        pressing = [threads.submit(press, oracle, *hand) for hand in hands]
        time.sleep(seeded.uniform(0.02, 0.15))
        for service in seeded.sample(SERVICES, len(SERVICES)):
            stack.kill(service)
        for one in pressing:
            one.result()
    oracle.settle()
    oracle.check()


def test_a_broker_that_forgets_confirmations(stack, oracle):
    """Acknowledged, then lost with the broker's memory before market has read it: the wizard says it again."""
    [hand] = at_summary(oracle, 1)
    stack.hold_down("market")
    try:
        press(oracle, *hand)
        stack.kill("kafka")
    finally:
        stack.let_up("market")
    oracle.settle()
    oracle.check()


def test_a_broker_that_forgets_completions(stack, oracle):
    """Lost before webhook has read it: market announces it again, under the same id."""
    hands = at_summary(oracle, 3)
    stack.hold_down("webhook")
    try:
        for hand in hands:
            press(oracle, *hand)
        until(lambda: all(status == "completed" for status, _ in oracle.states().values()), 20, "completed")
        until(lambda: not any(oracle.pending().values()), 15, "published")
        stack.kill("kafka")
    finally:
        stack.let_up("webhook")
    oracle.settle()
    oracle.check()


def test_without_a_broker_a_confirmation_is_refused_and_kept(stack, oracle):
    [(identifier, buyer, page)] = at_summary(oracle, 1)
    stack.hold_down("kafka")
    try:
        refused = buyer.submit(page)
    finally:
        stack.let_up("kafka")
    assert refused.status == 503 and refused.response.headers["Retry-After"]
    assert buyer.open("additional_fields").step == "additional_fields"
    assert "Vos choix sont conservés" in refused.text and refused.step == "summary"
    page = buyer.submit(buyer.open("additional_fields"), answer="yes", choices=["certifications_iso"])
    confirm(buyer, page)
    oracle.add(identifier)
    oracle.settle()
    oracle.check()
    assert "certifications_iso" in oracle.editor.market(identifier)["field_keys"]


def test_a_redis_that_forgets_progress_starts_again(stack, oracle):
    hands = at_summary(oracle, 2)
    press(oracle, *hands[0])
    oracle.settle()
    stack.redis().flushall()
    identifier, buyer, page = hands[1]
    again = buyer.submit(page)
    assert again.status == 200 and again.step == "setup", again.text[:300]
    assert buyer.complete().step == "sync_status"
    oracle.add(identifier)
    assert hands[0][1].open().step == "sync_status"
    assert oracle.editor.call("GET", "/fields").status_code == 401
    oracle.editor._tokens.clear()
    oracle.settle()
    oracle.check()


def test_a_stopped_service_is_a_503_never_a_401(stack, oracle):
    [(identifier, buyer, page)] = at_summary(oracle, 1)
    for service, ask in (("market", lambda: oracle.editor.call("GET", "/fields")), ("auth", oracle.editor.ask_token),
                         ("wizard", lambda: buyer.http.get(buyer.configuration_url, timeout=20))):
        stack.hold_down(service)
        try:
            answer = ask()
        finally:
            stack.let_up(service)
        assert answer.status_code == 503 and answer.headers["Retry-After"], service
    stack.wait_ready()
    press(oracle, identifier, buyer, page)
    oracle.settle()
    oracle.check()


def test_what_was_confirmed_last_is_what_counts(stack, oracle):
    """A broker that hangs may still take what the buyer was told it had not: he can't then confirm something else."""
    [(identifier, buyer, page)] = at_summary(oracle, 1)
    stack.wait_ready("kafka", *SERVICES)
    stack.pause("kafka")
    try:
        refused = buyer.submit(page)
        assert refused.status == 503, refused.text[:300]
        assert buyer.submit(refused).status == 503
        page = buyer.open("additional_fields")
        if page.step == "additional_fields":
            page = buyer.submit(page, answer="yes", choices=["certifications_iso"])
        shown = page
    finally:
        stack.resume("kafka")
    if shown.step == "summary":
        confirm(buyer, shown)
    oracle.add(identifier)
    oracle.settle()
    oracle.check()
    chose = "certifications_iso" in oracle.editor.market(identifier)["field_keys"]
    assert chose == (shown.step == "summary")
