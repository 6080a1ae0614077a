"""What runs through Kafka, as kcat shows it: CloudEvents, keys, and values that are valid by their schemas."""

import json
import re

import jsonschema
import pytest
from support.buyer import Buyer
from support.editor import Editor
from support.events import TOPICS, Events
from support.receiver import Receiver
from support.stack import ROOT
from support.waiting import until

SCHEMAS = {path.name.removesuffix(".schema.json"): json.loads(path.read_text())
           for path in sorted((ROOT / "proto/events").glob("*.schema.json"))}
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
SOURCES = {"market": "market", "configuration": "wizard", "delivery": "webhook", "editor": "auth"}
POISON = "VR-2024-P01S0N000000"  # nobody's market
STEPS = ["setup", "required_fields", "additional_fields", "summary"]


def check(schema, value):
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(value)


@pytest.fixture(scope="module")
def events(stack):
    return Events(stack)


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as one:
        yield one


@pytest.fixture(scope="module")
def owner(stack, receiver):
    return Editor(stack, webhook_url=receiver.url)


@pytest.fixture(scope="module")
def completed(owner, receiver):
    """A market all the way, the first attempt of whose webhook failed."""
    receiver.answer(503)
    owner.command("update", "--retry-schedule", "1s")
    market = owner.create_market()
    Buyer(market["configuration_url"]).complete(choices=["certifications_iso"])
    until(lambda: owner.market(market["identifier"])["sync_status"] == "sync_completed", 15, "sync_completed")
    return market["identifier"]


# --- schemas ---


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schemas_own_examples_are_valid(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["examples"]
    for example in SCHEMAS[name]["examples"]:
        check(SCHEMAS[name], example)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_refuses_what_lacks_a_member(name):
    example = SCHEMAS[name]["examples"][0]
    for member in SCHEMAS[name]["required"]:
        with pytest.raises(jsonschema.ValidationError):
            check(SCHEMAS[name], {key: value for key, value in example.items() if key != member})


def test_the_snapshots_example_is_valid():
    schema = json.loads((ROOT / "proto/market_snapshot.schema.json").read_text())
    for example in schema["examples"]:
        check(schema, example)


# --- a market's life ---


def test_a_market_tells_its_life(events, completed, owner):
    created = events.wait("market.created", completed)[0].json()
    market = owner.market(completed)
    assert (created["identifier"], created["editor_id"]) == (completed, owner.id)
    assert (created["name"], created["deadline"]) == (market["name"], market["deadline"])
    told = events.wait("market.completed", completed)[0].json()
    assert told["field_keys"] == market["field_keys"]
    assert len(events.of("market.created", completed)) == len(events.of("market.completed", completed)) == 1


def test_a_buyer_tells_his_steps(events, completed):
    assert len(events.wait("configuration.started", completed)) == 1
    steps = [event.json()["step"] for event in events.wait("configuration.step_completed", completed, count=4)]
    assert sorted(steps, key=STEPS.index) == STEPS and len(steps) == 4
    submitted = events.wait("configuration.submitted", completed)[0].json()
    assert submitted["additional_field_keys"] == ["certifications_iso"] and submitted["add_defense"] is False


def test_a_delivery_tells_its_attempts(events, completed, receiver):
    assert [event.json()["attempt"] for event in events.wait("delivery.started", completed, count=2)] == [1, 2]
    failed = events.wait("delivery.failed", completed)[0].json()
    assert (failed["attempt"], failed["outcome"], failed["status_code"]) == (1, "http_5xx", 503)
    succeeded = events.wait("delivery.succeeded", completed)[0].json()
    assert (succeeded["attempt"], succeeded["outcome"], succeeded["status_code"]) == (2, "success", 200)
    assert succeeded["delivery_id"] == failed["delivery_id"] == receiver.of(completed)[0].header("webhook-id")


def test_the_sync_status_tells_its_changes(events, completed):
    def changes():
        return [event.json()["sync_status"] for event in events.of("market.sync_changed", completed)]

    until(lambda: changes()[-1:] == ["sync_completed"], 10, "sync_completed told")
    told = changes()
    assert "sync_failed" in told and all(one != other for one, other in zip(told, told[1:]))


def test_an_editor_tells_its_state(events, editor):
    first = events.wait("editor.updated", editor.id)[-1].json()
    assert (first["editor_id"], first["client_id"], first["active"]) == (editor.id, editor.client_id, True)
    editor.command("deactivate")
    second = events.wait("editor.updated", editor.id, count=2)[-1].json()
    assert second["version"] > first["version"] and second["active"] is False


def test_no_secret_in_clear(events, editor):
    value = events.wait("editor.updated", editor.id)[-1].value
    assert editor.webhook_secret not in value and editor.webhook_secret.removeprefix("whsec_") not in value
    assert editor.client_secret not in value
    assert [secret["expires_at"] for secret in json.loads(value)["webhook_secrets"]] == [None]


# --- what all have in common ---


def test_all_of_it_is_as_the_contract_says(events, completed):
    events.wait("delivery.succeeded", completed)
    seen = set()
    for aggregate, topic in TOPICS.items():
        for event in events.topic(topic):
            assert event.header("ce_specversion") == "1.0", event
            assert UUID7.fullmatch(event.id), event
            assert event.header("ce_source") == f"/voie-rapide/{SOURCES[aggregate]}", event
            assert event.type.partition(".")[0] == aggregate, event
            assert TIME.fullmatch(event.header("ce_time")), event
            assert event.header("ce_subject") == event.key != "", event
            assert event.header("content-type").partition(";")[0] == "application/json", event
            assert TRACEPARENT.fullmatch(event.header("traceparent") or "00-" + "0" * 32 + "-" + "0" * 16 + "-00"), event
            check(SCHEMAS[event.type], event.json())
            seen.add(event.type)
    assert {"market.created", "market.completed", "market.sync_changed", "configuration.started", "configuration.step_completed",
            "configuration.submitted", "delivery.started", "delivery.failed", "delivery.succeeded", "editor.updated"} <= seen


def test_the_key_is_the_identifier(events, completed):
    for aggregate in ("market", "configuration", "delivery"):
        mine = [event for event in events.topic(TOPICS[aggregate]) if event.key == completed]
        assert mine and all(event.json()["identifier"] == completed for event in mine)
        assert len({event.partition for event in mine}) == 1


def test_one_trace_runs_through(editor, receiver, buy, events):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = editor.ask_market(headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    created = events.wait("market.created", answer.json()["identifier"])[0]
    assert created.header("traceparent").split("-")[1] == trace


def test_the_dead_letter_topics_are_empty(events, completed):
    """Nothing that the system itself sent was refused by it."""
    for topic, group in [(TOPICS["configuration"], "vr-market"), (TOPICS["delivery"], "vr-market"), (TOPICS["editor"], "vr-market"),
                         (TOPICS["market"], "vr-webhook"), (TOPICS["editor"], "vr-webhook")]:
        assert [letter for letter in events.topic(f"{topic}.{group}.dlq") if letter.key != POISON] == []


# --- what can't be read ---


def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(stack, events, editor, receiver, buy):
    for value in ("not json", "{}", json.dumps({"identifier": POISON})):
        stack.run("kcat", "-P", "-b", events.brokers, "-t", TOPICS["market"], "-k", POISON, "-H", "ce_specversion=1.0",
                  "-H", "ce_id=0197a1b2-0000-7000-8000-00000000dead", "-H", "ce_source=/voie-rapide/market",
                  "-H", "ce_type=market.completed", "-H", "ce_time=2024-06-15T14:30:45Z", "-H", f"ce_subject={POISON}",
                  "-H", "content-type=application/json", input=value)
    dead = until(lambda: len(found := events.topic(f"{TOPICS['market']}.vr-webhook.dlq")) >= 3 and found, 15, "dead letters")
    for letter in dead:
        assert letter.key == POISON and letter.header("vr-dlq-reason")
        assert letter.header("vr-dlq-original-topic") == TOPICS["market"]
        assert letter.header("ce_type") == "market.completed"
    market = editor.create_market()
    buy(market).complete()
    receiver.wait(1, identifier=market["identifier"])
