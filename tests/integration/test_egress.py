"""
Where webhooks must never go, through the running service's own path: no connection is even tried. Targets come to it by the
topic, past the check that is made when they are registered, and names resolve to what an attacker's DNS would say
(support/egress_shim.c, which also writes down every connection that vr-webhook tries).
"""

import json
import os
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.buyer import Buyer
from support.editor import Editor
from support.events import Events
from support.hostile import Hostile, plain
from support.receiver import Answer, Receiver
from support.stack import ROOT, Stack
from support.waiting import until

ALLOWED = "127.0.0.2"  # the one address that the operator's list holds
V4 = """0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.0.0.3 127.1.2.3
    127.255.255.254 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
    192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
    240.0.0.1 255.255.255.255""".split()
V6 = """:: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 ::10.0.0.1 64:ff9b::127.0.0.1
    64:ff9b::169.254.169.254 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::1 2002:a9fe:a9fe::1 3fff::1 fc00::1 fd00:ec2::254 fe80::1
    fec0::1 ff02::1 ff0e::1""".split()
SPELLINGS = """127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.0.0.1 0x7f.1 0177.0.0.1 017700000001 00000177.1 127.0.0.01
    127.0.0.1. 127.000.000.001 %31%32%37.0.0.1 127%2e0%2e0%2e1 0 0x0 0.0.0.0 2852039166 0xa9fea9fe 169.254.169.254 0251.0376.0251.0376
    10.1 0xa.1 192.168.257 8.8.8.8 134744072 １２７.0.0.1 ①②⑦.0.0.1 127。0。0。1 [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1]
    [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::] [fe80::1%25lo] [fe80::1%25eth0]
    [fd00:ec2::254] [2606:4700:4700::1111] localhost LOCALHOST localhost. a.localhost metadata metadata.google.internal intranet
    printer.local db.internal router.home.arpa x.onion user@127.0.0.1 user:secret@v4-10-0-0-1.egress.test
    v4-10-0-0-1.egress.test#@example.org""".split()


def name_of(address):
    """That resolves to it."""
    if ":" not in address:
        return f"v4-{address.replace('.', '-')}.egress.test"
    head, _, tail = address.rpartition(":")
    if "." in tail:
        numbers = [int(part) for part in tail.split(".")]
        address = f"{head}:{numbers[0] << 8 | numbers[1]:x}:{numbers[2] << 8 | numbers[3]:x}"
    return f"v6-{address.replace(':', '-')}.egress.test"


@pytest.fixture(scope="module")
def connections(tmp_path_factory):
    """The file of all connections that vr-webhook tries, once the stack runs."""
    return tmp_path_factory.mktemp("shim") / "connections"


@pytest.fixture(scope="module")
def stack(tmp_path_factory, connections):
    shim = ROOT / os.environ.get("VR_BUILD_DIR", "build") / "tests/support/egress_shim.so"
    assert shim.exists()  # a missing one would be passed over with a warning
    before = {name: os.environ.get(name) for name in ("LD_PRELOAD", "ASAN_OPTIONS", "VR_TEST_CONNECTIONS")}
    os.environ["LD_PRELOAD"] = str(shim)
    os.environ["ASAN_OPTIONS"] = (before["ASAN_OPTIONS"] or "") + ":verify_asan_link_order=0"
    one = Stack(tmp_path_factory.mktemp("egress"), VR_TEST_CONNECTIONS=str(connections), VR_WEBHOOK_ALLOW_CIDRS=f"{ALLOWED}/32",
                VR_WEBHOOK_RETRY_SCHEDULE="1h", VR_WEBHOOK_TIMEOUT_S="2", VR_WEBHOOK_CONNECT_TIMEOUT_S="1",
                VR_RATE_LIMIT_API="0", VR_RATE_LIMIT_TOKEN="0")
    try:
        one.start()
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    yield one
    one.stop()


class Topics:
    """Says to webhook what auth and market would never say."""

    def __init__(self, stack):
        self.stack = stack
        self.events = Events(stack)

    def say(self, event, key, data):
        replaced = {"ce_id": str(uuid.uuid4()), "ce_subject": key}
        headers = [word for name, value in event.headers for word in ("-H", f"{name}={replaced.get(name, value)}")]
        subprocess.run(["kcat", "-P", "-b", self.events.brokers, "-t", event.topic, "-k", key, *headers],
                       input=json.dumps(data, ensure_ascii=False).encode(), check=True, timeout=30)

    def move(self, editor, url):
        """Its endpoint, without anybody's judgement."""
        [*_, event] = self.events.wait("editor.updated", subject=editor.id)
        self.say(event, editor.id, event.json() | {"webhook_url": url, "version": 1000})
        until(lambda: self.stack.query("webhook", "SELECT 1 FROM endpoints WHERE editor_id = ? AND url = ?", editor.id, url), 15, url)


@pytest.fixture(scope="module")
def topics(stack):
    return Topics(stack)


@pytest.fixture(scope="module")
def completed(stack):
    """A market.completed to make others from; it went to the allowed address, so the way there is open."""
    with Receiver(host=ALLOWED) as receiver:
        editor = Editor(stack, webhook_url=receiver.url)
        identifier = editor.create_market()
        Buyer(identifier["configuration_url"]).complete()
        receiver.wait(1)
        return Events(stack).wait("market.completed", subject=identifier["identifier"])[0]


def send_to(topics, completed, number, url):
    """One webhook to that target; its delivery's market."""
    editor = Editor(topics.stack, webhook_url=f"http://{ALLOWED}:1/webhook")
    topics.move(editor, url)
    market = f"VR-2026-EGRESS{number:06}"
    topics.say(completed, market, completed.json() | {"identifier": market, "editor_id": editor.id})
    return market


def result_of(stack, market):
    def ended():
        listed = stack.run("vr-webhook", "deliveries", "list", market)["deliveries"]
        return listed and listed[0]["state"] != "leased" and listed[0]["attempts"] and listed[0]

    return until(ended, 20, f"{market} attempted")


def tried(connections):
    return [tuple(line.split()) for line in connections.read_text().splitlines()]


def test_no_connection_to_any_forbidden_target(stack, topics, completed, connections):
    with Hostile(plain(200)) as trap:  # loopback: the shortest way to find out that somebody got through
        hosts = SPELLINGS + [name_of(address) for address in V4 + V6]
        hosts += [f"n{number}.{name_of(V4[0])[:-12]}.{name_of(address)}" for number, address in enumerate(("127.0.0.1", "::1"))]
        urls = [f"http://{host}:{trap.port}/webhook" for host in hosts]
        urls += [f"{scheme}://127.0.0.1:{trap.port}/webhook" for scheme in ("ftp", "gopher", "dict", "ldap", "smb", "telnet", "ws")]
        urls += ["file:///etc/passwd", f"//127.0.0.1:{trap.port}/", f"http:127.0.0.1:{trap.port}", f"http:///127.0.0.1:{trap.port}/",
                 f"http://127.0.0.1:{trap.port}\\@example.org/", f"http:/\\127.0.0.1:{trap.port}/"]
        assert len(set(urls)) >= 120
        with ThreadPoolExecutor(4) as threads:
            markets = list(threads.map(lambda one: send_to(topics, completed, *one), enumerate(urls)))
        results = {url: result_of(stack, market) for url, market in zip(urls, markets)}
        got_through = {url: one["attempts"] for url, one in results.items()
                       if (one["state"], one["attempts"][0]["outcome"]) != ("failed", "blocked") or len(one["attempts"]) != 1}
        assert not got_through
        names = [one for url, one in results.items() if any(name_of(address) in url for address in V4 + V6) and "@" not in url]
        assert len(names) >= len(V4 + V6)  # they were resolved: it is the socket's address that was refused
        assert {one["attempts"][0]["error"].rpartition(": ")[2] for one in names} == {"The host's address is not a public one"}
        assert trap.connections == 0
        assert not [one for one in tried(connections) if one[1] == str(trap.port)]


def test_an_answer_with_both_goes_to_the_allowed_alone(stack, topics, completed, connections):
    """The shim's own test, too: its names do lead somewhere when they may."""
    with Receiver(host=ALLOWED) as receiver:
        host = f"v4-127-0-0-1.v4-{ALLOWED.replace('.', '-')}.v4-10-0-0-1.egress.test"
        market = send_to(topics, completed, 900, f"http://{host}:{receiver.port}/webhook")
        assert result_of(stack, market)["state"] == "succeeded"
        assert {one[0] for one in tried(connections) if one[1] == str(receiver.port)} == {ALLOWED}


def test_an_answer_that_changes_between_lookups(stack, topics, completed, connections):
    """Allowed when first asked, loopback the next time, and so on: eight webhooks, whatever each is told."""
    with Receiver(host=ALLOWED, default=Answer(200, headers={"Connection": "close"})) as receiver:
        host = f"v4-{ALLOWED.replace('.', '-')}.v4-127-0-0-1.egress.test"
        markets = [send_to(topics, completed, 910 + number, f"http://flip.{host}:{receiver.port}/n{number}") for number in range(8)]
        outcomes = {result_of(stack, market)["attempts"][0]["outcome"] for market in markets}
        assert "success" in outcomes and outcomes <= {"success", "blocked"}
        assert {one[0] for one in tried(connections) if one[1] == str(receiver.port)} == {ALLOWED}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_nowhere(stack, topics, completed, connections, status):
    with Hostile(plain(200)) as trap, Receiver(host=ALLOWED) as receiver:
        receiver.default = Answer(status, headers={"Location": f"http://127.0.0.1:{trap.port}/", "Refresh": f"0; url={trap.url}"})
        market = send_to(topics, completed, status * 10, receiver.url)
        delivery = result_of(stack, market)
        assert (delivery["state"], delivery["attempts"][0]["outcome"]) == ("waiting", "http_3xx")
        assert trap.connections == 0 and len(receiver.requests) == 1
        assert not [one for one in tried(connections) if one[1] == str(trap.port)]


def test_registration_refuses_them_too(stack):
    """At the door, in words; names are judged when they are connected to."""
    for host in SPELLINGS:
        told = subprocess.run(["vr-auth", "editor", "create", "--name", "Refusé", "--webhook-url", f"http://{host}:8080/webhook"],
                              env=stack.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
        assert told.returncode != 0 and told.stderr and not told.stdout, host
