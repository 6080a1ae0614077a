"""proto/asyncapi.yaml against the schemas beside it and against the code that publishes and consumes."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
DOCUMENT = yaml.safe_load((PROTO / "asyncapi.yaml").read_text())
SCHEMAS = {path.name.removesuffix(".schema.json"): path for path in (PROTO / "events").glob("*.schema.json")}


def follow(reference):
    assert reference.startswith("#/")
    place = DOCUMENT
    for step in reference[2:].split("/"):
        place = place[step]
    return place


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere():
    for reference in references(DOCUMENT):
        if reference.startswith("#/"):
            follow(reference)
        else:
            assert (PROTO / reference).is_file(), reference


def test_every_schema_is_a_message_and_the_other_way_round():
    messages = {message["name"]: message for message in DOCUMENT["components"]["messages"].values()}
    assert set(messages) == set(SCHEMAS)
    for name, message in messages.items():
        assert message["payload"]["$ref"] == f"events/{name}.schema.json"


def test_channels_are_the_topics_that_services_declare():
    declared = dict(re.findall(r'#define (TOPIC_\w+)\s+"([^"]+)"', (ROOT / "common/app/event.h").read_text()))
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == set(declared.values())
    for channel in DOCUMENT["channels"].values():
        topic = channel["address"].split(".")[1]
        assert all(name.startswith(f"{topic}.") for name in channel["messages"])


@pytest.mark.parametrize("group, table", [("vr-market", "services/market/market_consumer.c"),
                                          ("vr-webhook", "services/webhook/webhook_consumer.c")])
def test_what_is_received_is_what_the_subscription_table_says(group, table):
    subscribed = set(re.findall(r'^        \{"([a-z_.]+)", TOPIC_', (ROOT / table).read_text(), re.M))
    received = {follow(reference["$ref"])["$ref"].rsplit("/", 1)[1]
                for operation in DOCUMENT["operations"].values()
                if operation["action"] == "receive" and operation["bindings"]["kafka"]["groupId"]["enum"] == [group]
                for reference in operation["messages"]}
    names = {DOCUMENT["components"]["messages"][key]["name"] for key in received}
    assert subscribed and names == subscribed


def test_what_is_sent_is_everything():
    sent = [reference["$ref"] for operation in DOCUMENT["operations"].values() if operation["action"] == "send"
            for reference in operation["messages"]]
    assert len(sent) == len(set(sent)) == len(SCHEMAS)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_examples_are_valid(name):
    schema = json.loads(SCHEMAS[name].read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["examples"]
    for example in schema["examples"]:
        jsonschema.validate(example, schema, format_checker=jsonschema.FormatChecker())
