"""What operators see: metrics that are there from the start and count right, health, logs that tell all but secrets."""

import json
import re
from collections import Counter

import jsonschema
import pytest
import requests
from support.buyer import Buyer
from support.editor import Editor
from support.events import Events
from support.receiver import Receiver
from support.stack import ROOT, SERVICES, Stack
from support.waiting import until

TYPES = ["supplies", "services", "works", "defense"]
STEPS = ["setup", "required_fields", "additional_fields", "summary"]
OUTCOMES = ["success", "http_3xx", "http_4xx", "http_5xx", "timeout", "connect", "tls", "protocol", "blocked"]
PROGRESS_TTL_S = 6

# family, its labels' names, its series that exist from the start (None: they come with use)
COMMON = {
    "http_server_request_duration_seconds": (("http_request_method", "http_route", "http_response_status_code"), None),
    "http_server_active_requests": ((), [()]),
    "process_cpu_seconds_total": ((), [()]),
    "process_resident_memory_bytes": ((), [()]),
    "process_open_fds": ((), [()]),
    "process_start_time_seconds": ((), [()]),
    "vr_build_info": (("version", "revision"), None),
}
OUTBOX = {"vr_outbox_pending": ((), [()]), "vr_outbox_oldest_age_seconds": ((), [()])}
DATABASE = {"vr_db_query_duration_seconds": (("query",), None), "vr_db_pool_connections": (("state",), None)}
REDIS = {"vr_redis_command_duration_seconds": (("command",), None)}
KAFKA_OUT = {"vr_kafka_messages_total": (("topic", "direction", "result"), None)}
KAFKA_IN = {"vr_kafka_consumer_lag": (("topic", "partition"), None), "vr_kafka_rebalances_total": ((), [()])}


def each(*values):
    return [(value,) for value in values]


FAMILIES = {
    "auth": COMMON | OUTBOX | DATABASE | REDIS | KAFKA_OUT | {
        "vr_tokens_issued_total": (("result",), each("ok", "invalid_client", "invalid_request", "invalid_scope",
                                                     "unsupported_grant_type", "unavailable"))},
    "market": COMMON | OUTBOX | DATABASE | REDIS | KAFKA_OUT | KAFKA_IN | {
        "vr_markets_created_total": (("market_type",), each(*TYPES)),
        "vr_markets_completed_total": (("market_type",), each(*TYPES)),
        "vr_market_configuration_duration_seconds": ((), [()])},
    "wizard": COMMON | REDIS | KAFKA_OUT | {
        "vr_wizard_step_entered_total": (("step",), each(*STEPS)),
        "vr_wizard_step_completed_total": (("step",), each(*STEPS)),
        "vr_wizard_step_abandoned_total": (("step",), each(*STEPS)),
        "vr_wizard_step_duration_seconds": (("step",), each(*STEPS)),
        "vr_wizard_validation_errors_total": (("step", "field"), [("setup", "defense"), ("additional_fields", "answer"),
                                                                  ("additional_fields", "choices"), ("summary", "confirmation")])},
    "webhook": COMMON | OUTBOX | DATABASE | KAFKA_OUT | KAFKA_IN | {
        "vr_webhook_attempts_total": (("outcome",), each(*OUTCOMES)),
        "vr_webhook_attempt_duration_seconds": (("outcome",), each(*OUTCOMES)),
        "vr_webhook_deliveries_total": (("result",), each("succeeded", "exhausted", "refused")),
        "vr_webhook_delivery_latency_seconds": ((), [()]),
        "vr_webhook_queue_depth": (("state",), each("due", "leased", "scheduled")),
        "vr_webhook_oldest_due_age_seconds": ((), [()]),
        "vr_webhook_circuits": (("state",), each("closed", "open", "half_open"))},
}

LINE = re.compile(r'([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Exposition:
    """A /metrics, read as strictly as Prometheus would."""

    def __init__(self, text):
        self.types, self.samples = {}, {}
        assert text.endswith("\n")
        for line in text.splitlines():
            if line.startswith("#"):
                mark, word, name, rest = line.split(" ", 3)
                assert mark == "#" and word in ("HELP", "TYPE") and rest, line
                if word == "TYPE":
                    assert name not in self.types and rest in ("counter", "gauge", "histogram"), line
                    self.types[name] = rest
                continue
            match = LINE.fullmatch(line)
            assert match, line
            name, labels, value = match.group(1), tuple(LABEL.findall(match.group(2) or "")), float(match.group(3))
            assert self.family(name), f"no TYPE before {line}"
            assert (name, labels) not in self.samples, f"twice: {line}"
            self.samples[name, labels] = value

    def family(self, name):
        if name in self.types:
            return name
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        return base if self.types.get(base) == "histogram" else None

    def value(self, name, *labels):
        """Of the series with these values of labels, whatever their names; None without it."""
        found = [value for (one, pairs), value in self.samples.items()
                 if one == name and tuple(value for _, value in pairs) == labels]
        assert len(found) < 2
        return found[0] if found else None

    def check_histograms(self):
        series = {}
        for (name, labels), value in self.samples.items():
            if name.endswith("_bucket") and self.family(name) != name:
                bound = float(dict(labels)["le"])
                rest = tuple(pair for pair in labels if pair[0] != "le")
                series.setdefault((name, rest), []).append((bound, value))
        for (name, labels), buckets in series.items():
            counts = [count for _, count in buckets]
            assert buckets == sorted(buckets) and counts == sorted(counts), name
            assert buckets[-1][0] == float("inf"), name
            base = name.removesuffix("_bucket")
            assert buckets[-1][1] == self.samples[base + "_count", labels], name
            assert self.samples[base + "_sum", labels] >= 0


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A fresh one: what it counts is what these tests did."""
    one = Stack(tmp_path_factory.mktemp("watched"), VR_PROGRESS_TTL_S=str(PROGRESS_TTL_S), VR_LOG_LEVEL="debug")
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def at_start(stack):
    return {service: Exposition(stack.metrics(service)) for service in SERVICES}


@pytest.fixture(scope="module")
def story(stack, at_start):
    """One of each: a token and a refused one, two markets, a mistake, a webhook that fails and then arrives."""
    with Receiver() as receiver:
        receiver.answer(503)
        editor = Editor(stack, webhook_url=receiver.url)
        editor.command("update", "--retry-schedule", "1s")
        until(lambda: any(row["retry_schedule"] for row in stack.query(
            "webhook", "SELECT retry_schedule FROM endpoints WHERE editor_id = ?", editor.id)), 10, "schedule known")
        editor.secrets = [editor.client_secret, editor.webhook_secret, editor.token()]
        assert editor.ask_token(client_secret="vr_cs_wrong-but-secret").status_code == 401
        assert editor.ask_market(name=None).status_code == 422
        market = editor.create_market(market_type_codes=["supplies", "services"])
        left = editor.create_market(market_type_codes=["works"])
        buyer = Buyer(market["configuration_url"])
        page = buyer.submit(buyer.submit(buyer.open()))
        wrong = buyer.submit(page)
        assert wrong.status == 422
        assert buyer.submit(buyer.submit(wrong, answer="no")).step == "sync_status"
        abandoned = Buyer(left["configuration_url"])
        abandoned.submit(abandoned.open())
        until(lambda: editor.market(market["identifier"])["sync_status"] == "sync_completed", 15, "sync_completed")
        editor.secrets += [page.form.values_of("csrf_token")[0], *buyer.http.cookies.values()]
        editor.story = {"market": market["identifier"], "left": left, "requests": receiver.requests}
        yield editor


# --- metrics ---


@pytest.mark.parametrize("service", SERVICES)
def test_every_family_is_there_at_zero(at_start, service):
    told = at_start[service]
    for name, (labels, series) in FAMILIES[service].items():
        assert name in told.types, name
        suffix = "_count" if told.types[name] == "histogram" else ""
        for values in series or []:
            assert told.value(name + suffix, *values) is not None, (name, values)
            if name.startswith("vr_") and not name.startswith(("vr_kafka", "vr_webhook_circuits", "vr_outbox")):
                assert told.value(name + suffix, *values) == 0, (name, values)
        for (one, pairs) in told.samples:
            if one == name:
                assert tuple(label for label, _ in pairs) == labels, name


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_are_as_prometheus_wants_them(stack, story, service):
    answer = requests.get(stack.management_url(service) + "/metrics", timeout=5)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    told = Exposition(answer.text)
    told.check_histograms()
    for name, kind in told.types.items():
        assert (kind == "counter") == name.endswith("_total"), name
        assert re.match(r"(vr|process|http_server)_", name), name
    for name, labels in told.samples:
        for label, value in labels:
            assert not re.search(r"VR-\d{4}-|@|[0-9a-f]{8}-[0-9a-f]{4}-", value), (name, label, value)
            assert label != "http_route" or "VR-" not in value
    assert not any(value != value for value in told.samples.values()), "NaN"


def test_the_figures_of_the_story(stack, story):
    market, wizard, webhook, auth = (Exposition(stack.metrics(one)) for one in ("market", "wizard", "webhook", "auth"))
    assert [market.value("vr_markets_created_total", one) for one in TYPES] == [1, 1, 1, 0]
    assert [market.value("vr_markets_completed_total", one) for one in TYPES] == [1, 1, 0, 0]
    assert market.value("vr_market_configuration_duration_seconds_count") == 1
    assert [wizard.value("vr_wizard_step_completed_total", one) for one in STEPS] == [2, 1, 1, 1]
    assert [wizard.value("vr_wizard_step_duration_seconds_count", one) for one in STEPS] == [2, 1, 1, 1]
    assert [wizard.value("vr_wizard_step_entered_total", one) for one in STEPS] == [2, 2, 1, 1]
    assert wizard.value("vr_wizard_validation_errors_total", "additional_fields", "answer") == 1
    assert [webhook.value("vr_webhook_attempts_total", one) for one in OUTCOMES] == [1, 0, 0, 1, 0, 0, 0, 0, 0]
    assert webhook.value("vr_webhook_deliveries_total", "succeeded") == 1
    assert webhook.value("vr_webhook_delivery_latency_seconds_count") == 1
    assert [webhook.value("vr_webhook_queue_depth", one) for one in ("due", "leased", "scheduled")] == [0, 0, 0]
    assert auth.value("vr_tokens_issued_total", "ok") == 1 and auth.value("vr_tokens_issued_total", "invalid_client") == 1
    assert market.value("http_server_request_duration_seconds_count", "POST", "/api/v1/public_markets", "201") == 2
    assert market.value("http_server_request_duration_seconds_count", "POST", "/api/v1/public_markets", "422") == 1


def test_lag_and_outboxes_go_back_to_nothing(stack, story):
    def settled():
        return all(stack.metric(service, "vr_outbox_pending") == 0 for service in ("auth", "market", "webhook")) and all(
            stack.metric(service, "vr_kafka_consumer_lag") == 0 for service in ("market", "webhook"))

    until(settled, 15, "nothing pending")


def test_what_lapses_is_abandoned_and_starts_again(stack, story):
    identifier = story.story["left"]["identifier"]
    event = Events(stack).wait("configuration.abandoned", identifier, seconds=PROGRESS_TTL_S + 10)[0]
    schema = json.loads((ROOT / "proto/events/configuration.abandoned.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(event.json())
    assert event.json()["step"] == "required_fields"
    assert stack.metric("wizard", "vr_wizard_step_abandoned_total", step="required_fields") == 1
    page = Buyer(story.story["left"]["configuration_url"]).open()
    assert page.step == "setup" and page.status == 200


# --- health ---


@pytest.mark.parametrize("service", SERVICES)
def test_health(stack, service):
    for path in ("/livez", "/readyz"):
        answer = requests.get(stack.management_url(service) + path, timeout=5)
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_service_without_redis_is_alive_but_not_ready(stack, story):
    stack.pause("redis")
    try:
        for service in ("market", "wizard", "auth"):
            until(lambda service=service: not stack.is_ready(service), 10, f"{service} not ready")
            answer = requests.get(stack.management_url(service) + "/readyz", timeout=5)
            assert answer.status_code == 503 and "redis" in answer.json()["failed"]
            assert requests.get(stack.management_url(service) + "/livez", timeout=5).status_code == 200
    finally:
        stack.resume("redis")
    stack.wait_ready()


# --- logs ---

KEYS = {"@timestamp", "log.level", "message", "service.name", "service.version", "event.action", "trace.id", "http.request.id",
        "http.request.method", "http.route", "url.path", "http.response.status_code", "event.duration", "error.type", "error.message"}
ALWAYS = {"@timestamp", "log.level", "message", "service.name", "service.version", "event.action"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_log_is_one_object_a_line(stack, story, service):
    lines = stack.log(service).splitlines()
    assert len(lines) > 3
    for text in lines:
        line = json.loads(text)
        assert ALWAYS <= set(line), text
        assert all(key in KEYS or key.startswith("vr.") for key in line), text
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", line["@timestamp"]), text
        assert line["log.level"] in ("debug", "info", "warn", "error"), text
        assert line["service.name"] == f"vr-{service}", text
        if line["event.action"] == "http.request":
            assert {"http.request.id", "http.request.method", "http.response.status_code", "event.duration"} <= set(line), text


def test_the_seeds_list_is_logged(stack, story):
    created = [line for line in stack.log_lines("market", "market.created") if line["vr.market"] == story.story["market"]]
    assert len(created) == 1
    assert created[0]["vr.market_name"] == "Fourniture de matériel informatique" and created[0]["http.response.status_code"] == 201
    [refused] = stack.log_lines("market", "market.refused")
    assert refused["http.response.status_code"] == 422 and refused["error.message"] == "Name can't be blank"
    attempts = stack.log_lines("webhook", "webhook.attempt")
    assert [line["http.response.status_code"] for line in attempts] == [503, 200]
    for line in attempts:
        assert (line["vr.market"], line["vr.event_type"]) == (story.story["market"], "market.completed")
        assert line["vr.fields"] == len(story.story["requests"][0].json()["market"]["field_keys"])


def test_one_request_is_found_by_its_id_everywhere(stack, story):
    answer = requests.get(f"{stack.url}/api/v1/status", headers={"X-Request-Id": "found-everywhere"}, timeout=5)
    assert answer.headers["X-Request-Id"] == "found-everywhere"
    until(lambda: any(line.get("http.request.id") == "found-everywhere" for line in stack.log_lines("market")),
          what="the request in market's log")

    def at_the_front_door():
        """It writes its line after the answer."""
        front = (stack.folder / "log/nginx.access.log").read_text()
        return Counter(json.loads(line)["http.request.id"] for line in front.splitlines())["found-everywhere"]

    until(at_the_front_door, what="the request in the front door's log")
    assert at_the_front_door() == 1


def texts(stack):
    """What is written for people and machines to read: all logs."""
    return {path.name: path.read_text(errors="replace") for path in (stack.folder / "log").iterdir()}


def test_no_secret_is_logged(stack, story):
    secrets = story.secrets + ["vr_cs_wrong-but-secret"] + [
        path.read_text().strip().rpartition(":")[2] for path in (stack.folder / "secrets").iterdir()]
    for name, text in texts(stack).items():
        for secret in secrets:
            assert secret not in text and secret.removeprefix("whsec_") not in text, name
        assert not re.search(r"vr_(at|cs)_[A-Za-z0-9_-]{20}|whsec_|[Bb]earer [A-Za-z0-9]", text), name


def test_no_buyers_address_is_logged(stack, story):
    """It opens his pages to whoever reads it."""
    for name, text in texts(stack).items():
        assert not re.search(r"/buyer/public_markets/VR-", text), name


def test_secrets_stay_in_their_files(stack, story):
    environment = (stack.folder / "env").read_text()
    for path in (stack.folder / "secrets").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
        assert path.read_text().strip().rpartition(":")[2] not in environment
    for service in SERVICES:
        from_proc = open(f"/proc/{stack.pid(service)}/cmdline", "rb").read()
        assert from_proc.count(b"\0") == 1, from_proc
