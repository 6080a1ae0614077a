"""What an operator does with vr-webhook's own commands while the service runs."""

import json
import subprocess
import uuid

import pytest
from support.buyer import Buyer
from support.editor import Editor
from support.receiver import Answer
from support.stack import Stack
from support.waiting import until


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Nothing is tried again by itself while a test lasts; the breaker stays out of it."""
    one = Stack(tmp_path_factory.mktemp("commands"), VR_WEBHOOK_RETRY_SCHEDULE="1h", VR_WEBHOOK_RETRY_JITTER="0",
                VR_WEBHOOK_BREAKER_FAILURES="0", VR_RATE_LIMIT_API="0", VR_RATE_LIMIT_TOKEN="0")
    one.start()
    yield one
    one.stop()


def run(stack, *words):
    """(exit status, stdout's JSON or None, stderr)"""
    told = subprocess.run(["vr-webhook", *words], env=stack.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=30, check=False)
    return told.returncode, json.loads(told.stdout) if told.stdout else None, told.stderr


def complete(editor):
    created = editor.create_market()
    Buyer(created["configuration_url"]).complete()
    return created["identifier"]


def delivery_in(stack, identifier, state):
    def there():
        _, listed, _ = run(stack, "deliveries", "list", identifier)
        return listed["deliveries"] and listed["deliveries"][0]["state"] == state and listed["deliveries"][0]

    return until(there, 15, f"{identifier} {state}")


# --- simulate ---

def simulate(stack, *words):
    status, told, error = run(stack, "simulate", *words)
    assert status == 0, error
    return told


def test_the_default_schedule_told_before_anybody_waits(stack):
    told = simulate(stack, "--schedule", "5s,30s,2m,10m,30m,2h,5h,10h,14h,20h")
    assert [one["at_s"] for one in told["attempts"]] == [0, 5, 35, 155, 755, 2555, 9755, 27755, 63755, 114155, 186155]
    assert (told["state"], told["reason"]) == ("failed", "schedule_exhausted")


def test_jitter_retry_after_and_time_outs_in_it(stack):
    told = simulate(stack, "--schedule", "10s,10s,10s", "--jitter", "0.2", "--outcome", "timeout,429:60,200")
    timeout_s = 30
    first, second, third = told["attempts"]
    assert (first["outcome"], first["duration_s"], first["status_code"]) == ("timeout", timeout_s, None)
    assert (second["earliest_s"], second["at_s"], second["latest_s"]) == (timeout_s + 8, timeout_s + 10, timeout_s + 12)
    assert third["at_s"] == second["at_s"] + 60 and third["status_code"] == 200
    assert (told["state"], told["reason"]) == ("succeeded", None)


def test_what_is_simulated_is_what_happens(make_stack, receiver):
    """The service's own schedule, on real time, within what the simulation says."""
    stack = make_stack(VR_WEBHOOK_RETRY_SCHEDULE="1s,2s", VR_WEBHOOK_RETRY_JITTER="0")
    told = simulate(stack)
    receiver.default = Answer(503)
    identifier = complete(Editor(stack, webhook_url=receiver.url))
    delivery_in(stack, identifier, "failed")
    times = [request.at for request in receiver.of(identifier)]
    assert len(times) == len(told["attempts"])
    for at, planned in zip(times, told["attempts"]):
        assert planned["at_s"] - 0.1 < at - times[0] < planned["at_s"] + 1.5


@pytest.mark.parametrize("words", [["--schedule", "soon"], ["--outcome", "perhaps"], ["--outcome", ""], ["--jitter", "2"],
                                   ["--jitter", "nan"], ["--since", "1h"], ["--schedule"], ["more"]])
def test_a_simulation_that_makes_no_sense(stack, words):
    status, told, error = run(stack, "simulate", *words)
    assert (status, told) == (2, None) and error.startswith("vr-webhook: ")


# --- deliveries ---

def test_list_by_state_and_show(stack, receiver):
    receiver.answer(404)
    editor = Editor(stack, webhook_url=receiver.url)
    refused, arrived = complete(editor), complete(editor)
    delivery = delivery_in(stack, refused, "failed")
    delivery_in(stack, arrived, "succeeded")
    _, failed, _ = run(stack, "deliveries", "list", "--state", "failed")
    markets = [one["market"] for one in failed["deliveries"]]
    assert refused in markets and arrived not in markets
    status, shown, _ = run(stack, "deliveries", "show", delivery["id"])
    assert status == 0 and shown["body"].encode() == receiver.of(refused)[0].body
    assert shown["attempts"] == delivery["attempts"] and shown["fence"] == 1
    assert run(stack, "deliveries", "show", str(uuid.uuid4()))[0] == 1
    assert run(stack, "deliveries", "show")[0] == 2
    assert run(stack, "deliveries", "list", "--state", "lost")[0] == 2


def test_replay_of_one_that_failed(stack, receiver):
    receiver.answer(404)
    editor = Editor(stack, webhook_url=receiver.url)
    identifier = complete(editor)
    delivery = delivery_in(stack, identifier, "failed")
    until(lambda: editor.market(identifier)["sync_status"] == "sync_failed", 10, "told")
    status, told, error = run(stack, "deliveries", "replay", delivery["id"])
    assert status == 0 and told["id"] == delivery["id"], error
    until(lambda: editor.market(identifier)["sync_status"] == "sync_completed", 10, "delivered")
    first, second = receiver.of(identifier)
    assert (first.body, first.header("webhook-id")) == (second.body, second.header("webhook-id"))


def test_replay_of_one_that_arrived(stack, receiver):
    """An editor that lost what it had: the same again; its market stays delivered, whatever comes of it."""
    editor = Editor(stack, webhook_url=receiver.url)
    identifier = complete(editor)
    delivery = delivery_in(stack, identifier, "succeeded")
    until(lambda: editor.market(identifier)["sync_status"] == "sync_completed", 10, "delivered")
    receiver.answer(500)
    assert run(stack, "deliveries", "replay", delivery["id"])[0] == 0
    receiver.wait(2, identifier=identifier)
    again = delivery_in(stack, identifier, "waiting")
    assert [one["outcome"] for one in again["attempts"]] == ["success", "http_5xx"]
    until(lambda: stack.query("webhook", "SELECT count(*) AS n FROM outbox WHERE sent_at IS NULL")[0]["n"] == 0, 10, "told")
    assert editor.market(identifier)["sync_status"] == "sync_completed"
    assert run(stack, "deliveries", "replay", delivery["id"])[0] == 0
    delivery_in(stack, identifier, "succeeded")
    assert len({request.header("webhook-id") for request in receiver.wait(3, identifier=identifier)}) == 1


def test_replay_of_all_that_failed_lately(stack, receiver):
    receiver.default = Answer(422)
    editor = Editor(stack, webhook_url=receiver.url)
    markets = [complete(editor) for _ in range(5)]
    for identifier in markets:
        delivery_in(stack, identifier, "failed")
    assert run(stack, "deliveries", "replay", "--failed", "--since", "0s")[1]["replayed"] == 0
    receiver.default = Answer(200)
    status, told, error = run(stack, "deliveries", "replay", "--failed", "--since", "1h")
    assert status == 0 and told["replayed"] >= 5, error
    for identifier in markets:
        delivery_in(stack, identifier, "succeeded")
        assert len(receiver.of(identifier)) == 2


@pytest.mark.parametrize("words", [[], ["--failed"], ["--since", "1h"], ["an-id", "--failed", "--since", "1h"],
                                   ["--failed", "--since", "yesterday"]])
def test_a_replay_of_nothing_in_particular(stack, words):
    status, told, error = run(stack, "deliveries", "replay", *words)
    assert (status, told) == (2, None) and error.startswith("vr-webhook: ")
    assert run(stack, "deliveries", "replay", str(uuid.uuid4()))[0] == 1


# --- doctor ---

def findings(told):
    return {one["name"]: (one["status"], one["count"]) for one in told["findings"]}


def test_doctor_finds_what_is_stuck(make_stack, receiver):
    stack = make_stack(VR_WEBHOOK_RETRY_SCHEDULE="1s", VR_WEBHOOK_RETRY_JITTER="0")
    status, told, error = run(stack, "doctor")
    assert status == 0 and told["well"], (told, error)
    receiver.answer(503)
    identifier = complete(Editor(stack, webhook_url=receiver.url))
    receiver.wait(1)
    stack.hold_down("webhook")  # the second attempt is due, and nobody makes it
    until(lambda: run(stack, "doctor", "--overdue", "0s")[0] == 1, 15, "overdue")
    _, told, _ = run(stack, "doctor", "--overdue", "0s")
    assert not told["well"] and findings(told)["overdue_deliveries"] == ("stuck", 1)
    assert run(stack, "doctor")[0] == 0  # for a quarter of an hour that is nothing
    stack.let_up("webhook")
    delivery_in(stack, identifier, "succeeded")
    assert run(stack, "doctor", "--overdue", "0s")[0] == 0


def test_doctor_says_when_it_can_not_look(stack):
    env = stack.env | {"VR_WEBHOOK_DATABASE_URL": "sqlite:/dev/null/webhook.db"}
    told = subprocess.run(["vr-webhook", "doctor"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30,
                          check=False)
    assert told.returncode == 3 and told.stdout == "" and told.stderr
    assert run(stack, "doctor", "--overdue", "long")[0] == 2
