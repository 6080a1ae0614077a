"""
What kcat sees in the topics: CloudEvents in Kafka's binary mode.

    events = Events(stack)
    event = events.wait("market.created", subject=identifier)[0]
"""

import dataclasses
import json
import subprocess

from support.waiting import until

TOPICS = {
    "market": "voie-rapide.market.v1",
    "configuration": "voie-rapide.configuration.v1",
    "delivery": "voie-rapide.delivery.v1",
    "editor": "voie-rapide.editor.v1",
}


@dataclasses.dataclass
class Event:
    topic: str
    partition: int
    offset: int
    key: str
    headers: list  # (name, value) as sent
    value: str

    def header(self, name):
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name} sent {len(values)} times"
        return values[0] if values else None

    @property
    def type(self):
        return self.header("ce_type")

    @property
    def id(self):
        return self.header("ce_id")

    def json(self):
        return json.loads(self.value)


def _event(line):
    told = json.loads(line)
    flat = told.get("headers") or []
    return Event(told["topic"], told["partition"], told["offset"], told["key"], list(zip(flat[::2], flat[1::2])), told["payload"])


class Events:
    def __init__(self, stack):
        self.brokers = stack.env["VR_KAFKA_BROKERS"]

    def topic(self, name):
        """All that is in a topic now, by partition and offset."""
        told = subprocess.run(["kcat", "-C", "-e", "-q", "-J", "-o", "beginning", "-b", self.brokers, "-t", name,
                               "-X", "fetch.wait.max.ms=10"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, check=False)
        assert told.returncode == 0, told.stderr.decode()
        events = [_event(line) for line in told.stdout.decode().splitlines()]
        return sorted(events, key=lambda event: (event.partition, event.offset))

    def of(self, event_type, subject=None):
        topic = TOPICS[event_type.partition(".")[0]]
        return [event for event in self.topic(topic) if event.type == event_type and subject in (None, event.key)]

    def wait(self, event_type, subject=None, count=1, seconds=15.0):
        """At least that many of a type (about one subject, or all)."""
        return until(lambda: (found := self.of(event_type, subject)) and len(found) >= count and found, seconds,
                     f"{count} {event_type} of {subject}")
