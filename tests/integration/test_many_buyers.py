"""Two hundred buyers at once, each through the whole flow: none is refused, none gets another's answers."""

import threading
from concurrent.futures import ThreadPoolExecutor

from support.buyer import Buyer
from support.catalogue import choosable, configured
from support.events import Events
from support.waiting import until

BUYERS = 200
TYPES = ["works", "services"]
DEFENCE = [*TYPES, "defense"]


def wishes(number):
    """(defence, choices): another set for each."""
    defense = number % 3 == 0
    keys = choosable(DEFENCE if defense else TYPES)
    return defense, [key for bit, key in enumerate(keys) if (number >> (bit % 8)) & 1 and (bit + number) % 5 == 0]


def server_errors(stack):
    return sum(stack.metric("wizard", "http_server_request_duration_seconds_count", http_response_status_code=status)
               for status in ("500", "502", "503", "504"))


def test_two_hundred_buyers_at_once(stack, editor, receiver):
    markets = [editor.create_market(market_type_codes=TYPES, name=f"Marché {number}") for number in range(BUYERS)]
    together = threading.Barrier(BUYERS)
    before = server_errors(stack)

    def walk(number):
        defense, choices = wishes(number)
        buyer = Buyer(markets[number]["configuration_url"])
        together.wait(60)
        page = buyer.go_to_summary(defense, choices)
        assert f"Marché {number}" in page.text
        return buyer.submit(page)

    with ThreadPoolExecutor(BUYERS) as threads:
        pages = list(threads.map(walk, range(BUYERS)))

    assert {(page.status, page.step) for page in pages} == {(200, "sync_status")}
    assert server_errors(stack) == before
    identifiers = [market["identifier"] for market in markets]
    until(lambda: {one.json()["market"]["identifier"] for one in receiver.requests} >= set(identifiers), 60, "all webhooks")
    for number, identifier in enumerate(identifiers):
        defense, choices = wishes(number)
        bodies = [one.json() for one in receiver.of(identifier)]
        assert len(bodies) == 1, identifier
        assert bodies[0]["market"]["field_keys"] == configured(DEFENCE if defense else TYPES, choices), identifier
    events = [event for event in Events(stack).of("configuration.submitted") if event.key in set(identifiers)]
    assert sorted(event.key for event in events) == sorted(identifiers)
