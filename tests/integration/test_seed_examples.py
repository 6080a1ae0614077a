"""The seed's HTTP examples, as bytes, at the front door; and what every answer of the API has in common."""

import base64
import json
import re
import urllib.parse

import pytest
from support.raw import exchange, request

JSON = "application/json; charset=utf-8"
IDENTIFIER = re.compile(r"VR-\d{4}-[A-Z0-9]{12}")

CREATION = b"""{
  "public_market": {
    "name": "Fourniture de mat\xc3\xa9riel informatique pour les services municipaux",
    "lot_name": "Lot 1 - Ordinateurs portables et stations de travail",
    "deadline": "2024-06-15T23:59:59Z",
    "market_type_codes": ["supplies", "services"]
  }
}
"""


@pytest.fixture
def send(stack):
    """send("POST", "/path", body, name=value…): one request, whose every answer must have what all answers have."""
    def one(method, target, body=b"", host="voie-rapide.gouv.fr", **headers):
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        answer = exchange(int(stack.env["VR_HTTP_PORT"]), request(method, target, named, body, host))
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", answer.header("X-Request-Id")), answer
        assert answer.header("Content-Type") == JSON, answer
        return answer

    return one


@pytest.fixture
def create(send, editor):
    """create(body): the seed's request, with a token of the editor's."""
    return lambda body, **headers: send("POST", "/api/v1/public_markets", body, Content_Type="application/json",
                                        Authorization=f"Bearer {editor.token()}", **headers)


def creation(**members):
    return json.dumps({"public_market": members}).encode()


def refused(answer, status, text):
    assert (answer.status, answer.json()) == (status, {"error": text})


# --- 1. OAuth ---


def test_a_token_for_credentials_in_the_form(send, editor):
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": editor.client_id,
                                   "client_secret": editor.client_secret, "scope": "api_access"})
    answer = send("POST", "/oauth/token", form.encode(), Content_Type="application/x-www-form-urlencoded")
    assert answer.status == 200
    token = answer.json()
    assert list(token) == ["access_token", "token_type", "expires_in", "scope", "created_at"]
    assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 86400, "api_access")


def test_a_token_for_basic_credentials(send, editor):
    basic = base64.b64encode(f"{editor.client_id}:{editor.client_secret}".encode()).decode()
    answer = send("POST", "/oauth/token", b"grant_type=client_credentials", Authorization=f"Basic {basic}",
                  Content_Type="application/x-www-form-urlencoded")
    assert answer.status == 200
    token = answer.json()["access_token"]
    assert send("GET", "/api/v1/fields", Authorization=f"Bearer {token}").status == 200


# --- 2. creation ---


def test_the_market_of_the_seed(create, stack):
    answer = create(CREATION)
    assert answer.status == 201
    created = answer.json()
    assert list(created) == ["identifier", "configuration_url"]
    assert IDENTIFIER.fullmatch(created["identifier"])
    assert created["configuration_url"] == f"{stack.url}/buyer/public_markets/{created['identifier']}/setup"


def test_the_market_of_the_seed_is_shown(create, editor, stack):
    created = create(CREATION).json()
    market = editor.market(created["identifier"])
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", market.pop("created_at"))
    assert market == created | json.loads(CREATION)["public_market"] | {
        "status": "created", "sync_status": None, "completed_at": None, "field_keys": []}


def test_identifiers_differ(create):
    assert len({create(CREATION).json()["identifier"] for _ in range(20)}) == 20


def test_everything_missing(create):
    answer = create(b'{"public_market":{}}')
    assert answer.status == 422
    assert answer.json() == {"errors": ["Name can't be blank", "Deadline can't be blank", "Market type codes can't be blank"]}


def test_defense_alone(create):
    answer = create(creation(name="n", deadline="2030-01-01T10:00:00Z", market_type_codes=["defense"]))
    assert (answer.status, answer.json()) == (422, {"errors": ["Market type codes defense cannot be used alone"]})


def test_defense_with_another_type(create):
    assert create(creation(name="n", deadline="2030-01-01T10:00:00Z", market_type_codes=["works", "defense"])).status == 201


def test_every_message_in_the_order_of_the_fields(create):
    answer = create(creation(name="é" * 256, lot_name="ü" * 256, deadline="tomorrow", market_type_codes=["x", "supplies", "y"]))
    assert answer.json() == {"errors": [
        "Name is too long (maximum is 255 characters)", "Lot name is too long (maximum is 255 characters)",
        "Deadline must be a valid ISO 8601 datetime", "Market type codes contains invalid codes: x, y"]}


def test_wrong_types_are_validation_errors(create):
    answer = create(creation(name=1, lot_name=[], deadline={}, market_type_codes="supplies"))
    assert answer.status == 422
    assert answer.json() == {"errors": [
        "Name must be a string", "Lot name must be a string", "Deadline must be a valid ISO 8601 datetime",
        "Market type codes must be an array of strings"]}


def test_lengths_count_characters(create):
    assert create(creation(name="é" * 255, lot_name="𝄞" * 255, deadline="2030-01-01T10:00:00Z",
                           market_type_codes=["supplies"])).status == 201


@pytest.mark.parametrize("deadline, stored", [
    ("2027-01-01T10:00", "2027-01-01T09:00:00Z"),
    ("2027-07-01T10:00:00", "2027-07-01T08:00:00Z"),
    ("2027-07-01T10:00:00+05:30", "2027-07-01T04:30:00Z"),
    ("2027-07-01T10:00:00.999Z", "2027-07-01T10:00:00Z"),
    ("2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),  # the doubled hour: the first
    ("2027-03-28T02:30:00", "2027-03-28T01:30:00Z"),  # the skipped one moves forward
])
def test_deadlines_are_understood(create, editor, deadline, stored):
    created = create(creation(name="n", deadline=deadline, market_type_codes=["supplies"])).json()
    assert editor.market(created["identifier"])["deadline"] == stored


@pytest.mark.parametrize("deadline", ["2027-01-01", "20270101T100000Z", "2027-01-01T24:00:00Z", "2027-01-01T10:00:60Z",
                                      "2027-02-29T10:00:00Z", "2027-01-01 10:00:00Z", "1e9", "2027-01-01T10:00:00+99:00"])
def test_deadlines_are_refused(create, deadline):
    answer = create(creation(name="n", deadline=deadline, market_type_codes=["supplies"]))
    assert (answer.status, answer.json()) == (422, {"errors": ["Deadline must be a valid ISO 8601 datetime"]})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"{}", b'{"public_market":null}', b'{"public_market":[]}',
                                  b'{"public_market":{}} x', b'{"public_market":{},"public_market":{}}'])
def test_broken_bodies(create, body):
    answer = create(body)
    assert answer.status == 400 and list(answer.json()) == ["error"]


def test_the_public_url_does_not_come_from_host(create, stack):
    answer = create(CREATION, host="evil.example", X_Forwarded_Host="evil.example")
    assert answer.json()["configuration_url"].startswith(stack.url)


def test_repeated_types_count_once_and_unknown_members_are_ignored(create, editor):
    created = create(creation(name="n", deadline="2030-01-01T10:00:00Z", market_type_codes=["works", "supplies", "works"],
                              colour="blue")).json()
    assert sorted(editor.market(created["identifier"])["market_type_codes"]) == ["supplies", "works"]


# --- who may ---


def test_forbidden_while_the_editor_is_off_and_not_authorized_after(create, editor):
    assert create(CREATION).status == 201
    editor.command("deactivate")
    refused(create(CREATION), 403, "Forbidden")
    editor.command("activate")
    refused(create(CREATION), 401, "Not authorized")
    editor._tokens.clear()
    assert create(CREATION).status == 201


def test_forbidden_while_the_editor_is_not_authorised(create, editor):
    editor.token()
    editor.command("deauthorize")
    refused(create(CREATION), 403, "Forbidden")
    editor.command("authorize")
    refused(create(CREATION), 401, "Not authorized")


def test_revoked_tokens_are_not_authorized(create, editor):
    editor.token()
    editor.command("revoke-tokens")
    refused(create(CREATION), 401, "Not authorized")


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Bearer x", "Bearer vr_at_" + "A" * 43, "Basic YTpi",
                                           "Token vr_at_x", "Bearer a b", "Bearer " + "A" * 3000])
@pytest.mark.parametrize("body", [CREATION, b"not json"])
def test_not_authorized_before_the_body_is_looked_at(send, authorization, body):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = send("POST", "/api/v1/public_markets", body, Content_Type="application/json", **headers)
    refused(answer, 401, "Not authorized")
    assert answer.header("WWW-Authenticate")


def test_another_editors_market_is_not_found(create, send, make_editor):
    identifier = create(CREATION).json()["identifier"]
    other = make_editor()
    refused(send("GET", f"/api/v1/public_markets/{identifier}", Authorization=f"Bearer {other.token()}"), 404, "Resource not found")


def test_an_unknown_market_is_not_found(send, editor):
    for identifier in ("VR-2024-A1B2C3D4E5F6", "VR-2024", "x", "%C3%A9"):
        answer = send("GET", f"/api/v1/public_markets/{identifier}", Authorization=f"Bearer {editor.token()}")
        refused(answer, 404, "Resource not found")


# --- what all answers have in common ---


def test_the_status_is_open(send):
    answer = send("GET", "/api/v1/status")
    assert answer.status == 200 and answer.json()["status"] == "ok"


@pytest.mark.parametrize("path", ["/nothing", "/api", "/oauth", "/.well-known", "/api/v1", "/api/v1/nothing", "/api/v1/public_markets/", "/oauth/nothing",
                                  "/metrics", "/livez", "/readyz", "/internal/markets/VR-2024-A1B2C3D4E5F6"])
def test_unknown_paths(send, path):
    refused(send("GET", path), 404, "Resource not found")
    refused(send("DELETE", path), 404, "Resource not found")


@pytest.mark.parametrize("method, path, allow", [
    ("GET", "/oauth/token", {"POST"}),
    ("DELETE", "/oauth/token", {"POST"}),
    ("PUT", "/api/v1/public_markets", {"POST"}),
    ("DELETE", "/api/v1/public_markets/VR-2024-A1B2C3D4E5F6", {"GET", "HEAD"}),
    ("POST", "/api/v1/status", {"GET", "HEAD"}),
    ("POST", "/api/v1/fields", {"GET", "HEAD"}),
])
def test_known_paths_say_what_they_allow(send, method, path, allow):
    answer = send(method, path)
    refused(answer, 405, "Method not allowed")
    assert allow <= set(answer.header("Allow").split(", "))


def test_head_is_get_without_a_body(stack):
    port = int(stack.env["VR_HTTP_PORT"])
    got = exchange(port, request("GET", "/api/v1/status"))
    head = exchange(port, request("HEAD", "/api/v1/status"))
    assert (head.status, head.body, head.header("Content-Type")) == (200, b"", JSON)
    assert head.header("Content-Length") == str(len(got.body))


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/nothing", "/oauth/token", "/nothing"])
def test_the_callers_request_id_comes_back(send, path):
    assert send("GET", path, X_Request_Id="caller-1.2_3").header("X-Request-Id") == "caller-1.2_3"


@pytest.mark.parametrize("path", ["/api/v1/status", "/nothing"])
@pytest.mark.parametrize("asked", ["a b", "<x>", "é", "a" * 129, ""])
def test_an_unfit_request_id_is_replaced(send, path, asked):
    first, second = (send("GET", path, X_Request_Id=asked).header("X-Request-Id") for _ in range(2))
    assert first != asked and first != second


def test_problem_json_only_for_those_who_ask(stack, editor):
    answer = editor.call("POST", "/public_markets", json={"public_market": {}}, headers={"Accept": "application/problem+json"})
    assert answer.status_code == 422 and answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json()["errors"][0] == "Name can't be blank"


def test_the_catalogue_has_an_etag(editor):
    answer = editor.call("GET", "/fields")
    assert answer.status_code == 200 and len(answer.json()["fields"]) > 100
    again = editor.call("GET", "/fields", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


# --- Idempotency-Key ---


def test_the_same_key_and_body_give_the_same_market(create):
    first, second = (create(CREATION, Idempotency_Key="same") for _ in range(2))
    assert (second.status, second.body) == (201, first.body)
    assert (first.header("Idempotent-Replayed"), second.header("Idempotent-Replayed")) == (None, "true")


def test_the_same_key_with_another_body_is_refused(create):
    assert create(CREATION, Idempotency_Key="key").status == 201
    assert create(CREATION + b" ", Idempotency_Key="key").status == 422


def test_refusals_are_not_remembered(create):
    assert create(b'{"public_market":{}}', Idempotency_Key="key").status == 422
    assert create(CREATION, Idempotency_Key="key").status == 201


@pytest.mark.parametrize("key", ["", "é", "k" * 256])
def test_unfit_keys_are_refused(create, key):
    assert create(CREATION, Idempotency_Key=key).status == 400
