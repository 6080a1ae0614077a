"""Fixtures of the integration and browser tests."""

import pytest

from support.buyer import Buyer
from support.editor import Editor
from support.receiver import Receiver
from support.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """One for all tests that leave it as they found it."""
    one = Stack(tmp_path_factory.mktemp("stack"))
    one.start()
    yield one
    one.stop()


@pytest.fixture
def make_stack(tmp_path_factory):
    """A stack of the test's own, with settings of its own: for faults, limits, restarts."""
    made = []

    def make(**settings):
        made.append(Stack(tmp_path_factory.mktemp("stack"), **settings))
        return made[-1].start()

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def receiver():
    with Receiver() as one:
        yield one


@pytest.fixture
def editor(stack, receiver):
    """A new editor of the shared stack, whose webhooks come to `receiver`."""
    return Editor(stack, webhook_url=receiver.url, return_url="http://localhost:1/retour?marche={market_identifier}")


@pytest.fixture
def make_editor(stack):
    """make_editor(webhook_url=…): more of them."""
    return lambda **options: Editor(stack, **options)


@pytest.fixture
def buy():
    """buy(market): a buyer, in a browser session of its own, who was sent to that market."""
    return lambda market: Buyer(market["configuration_url"])
