"""The token endpoint (RFC 6749): what it gives, what it refuses, and which tokens live."""

import base64
import hashlib
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def ask(stack):
    """ask(form, headers=…): one request; every answer must forbid keeping it."""
    def one(form=None, query="", method="POST", **options):
        answer = requests.request(method, f"{stack.url}/oauth/token{query}", data=form, timeout=30, **options)
        assert answer.headers["Cache-Control"] == "no-store", answer.headers
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        return answer

    return one


@pytest.fixture
def credentials(editor):
    return {"client_id": editor.client_id, "client_secret": editor.client_secret}


def basic(client_id, client_secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()}


def refused(answer, status, error):
    told = answer.json()
    assert (answer.status_code, told["error"]) == (status, error), answer.text
    assert list(told) == ["error", "error_description"]
    assert told["error_description"].isascii() and told["error_description"]
    assert bool(answer.headers.get("WWW-Authenticate")) == (status == 401)


def lives(stack, token):
    status = requests.get(f"{stack.url}/api/v1/fields", headers={"Authorization": f"Bearer {token}"}, timeout=15).status_code
    assert status in (200, 401, 403)
    return status != 401


# --- what it gives ---


def test_a_token(ask, credentials):
    answer = ask(GRANT | credentials)
    token = answer.json()
    assert re.fullmatch(r"vr_at_[A-Za-z0-9_-]{43}", token["access_token"])
    assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 86400, "api_access")
    assert abs(token["created_at"] - time.time()) < 30
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("asked, given", [
    ("api_read", {"api_read"}),
    ("api_write api_read", {"api_read", "api_write"}),
    ("api_access api_read api_write", {"api_access", "api_read", "api_write"}),
    ("api_read api_read", {"api_read"}),
    ("", {"api_access"}),  # a parameter without a value counts as left out
])
def test_scopes_come_back(ask, credentials, asked, given):
    answer = ask(GRANT | credentials | {"scope": asked})
    assert (answer.status_code, set(answer.json()["scope"].split(" "))) == (200, given)


def test_credentials_in_basic(ask, credentials):
    assert ask(GRANT, headers=basic(**credentials)).status_code == 200


def test_the_client_id_beside_basic_is_no_second_way(ask, credentials):
    assert ask(GRANT | {"client_id": credentials["client_id"]}, headers=basic(**credentials)).status_code == 200


def test_unknown_parameters_are_ignored(ask, credentials):
    assert ask(GRANT | credentials | {"audience": "x"}).status_code == 200


def test_redis_knows_tokens_only_by_their_hash(stack, editor):
    token = editor.token()
    store = stack.redis()
    assert store.exists("vr:token:" + hashlib.sha256(token.encode()).hexdigest())
    kept = (stack.folder / "redis").rglob("*")
    assert not any(token.encode() in path.read_bytes() for path in kept if path.is_file())


# --- what it refuses ---


def test_a_missing_grant_type(ask, credentials):
    refused(ask(credentials), 400, "invalid_request")
    refused(ask({"grant_type": ""} | credentials), 400, "invalid_request")


@pytest.mark.parametrize("grant", ["password", "authorization_code", "CLIENT_CREDENTIALS", "client_credentials "])
def test_another_grant(ask, credentials, grant):
    refused(ask({"grant_type": grant} | credentials), 400, "unsupported_grant_type")


def test_an_unknown_id_and_a_wrong_secret_look_alike(ask, credentials):
    wrong = ask(GRANT | credentials | {"client_secret": "vr_cs_" + "A" * 43})
    unknown = ask(GRANT | credentials | {"client_id": "nobody"})
    refused(wrong, 401, "invalid_client")
    refused(unknown, 401, "invalid_client")
    assert wrong.json() == unknown.json() and wrong.headers["WWW-Authenticate"] == unknown.headers["WWW-Authenticate"]


def test_missing_credentials(ask, credentials):
    refused(ask(GRANT), 401, "invalid_client")
    refused(ask(GRANT | {"client_id": credentials["client_id"]}), 401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic", "Basic ", "Basic !!!", "Basic YWJj", "Bearer x", "Negotiate YTpi"])
def test_an_authorization_that_is_no_client(ask, header):
    refused(ask(GRANT, headers={"Authorization": header}), 401, "invalid_client")


@pytest.mark.parametrize("verb", ["deactivate", "deauthorize"])
def test_only_the_right_secret_learns_that_the_editor_is_off(ask, editor, credentials, verb):
    editor.command(verb)
    right = ask(GRANT | credentials)
    refused(right, 401, "invalid_client")
    assert right.json()["error_description"] == "Editor is not authorized or active"
    wrong = ask(GRANT | credentials | {"client_secret": "vr_cs_wrong"})
    assert "not authorized or active" not in wrong.text
    editor.command({"deactivate": "activate", "deauthorize": "authorize"}[verb])
    assert ask(GRANT | credentials).status_code == 200


@pytest.mark.parametrize("scope", ["api_admin", "api_access api_admin", "API_ACCESS", "api_access,api_read", "é"])
def test_an_unknown_scope(ask, credentials, scope):
    refused(ask(GRANT | credentials | {"scope": scope}), 400, "invalid_scope")


@pytest.mark.parametrize("name", ["grant_type", "client_id", "scope", "whatever"])
def test_a_repeated_parameter(ask, credentials, name):
    form = list((GRANT | credentials | {"scope": "api_access", "whatever": "x"}).items())
    refused(ask(form + [pair for pair in form if pair[0] == name]), 400, "invalid_request")


def test_another_media_type(ask, credentials):
    refused(ask(json=GRANT | credentials), 400, "invalid_request")
    refused(ask(files={name: (None, value) for name, value in (GRANT | credentials).items()}), 400, "invalid_request")


def test_two_ways_at_once(ask, credentials):
    refused(ask(GRANT | credentials, headers=basic(**credentials)), 400, "invalid_request")


def test_credentials_in_the_query(ask, credentials):
    query = f"?client_id={credentials['client_id']}&client_secret={credentials['client_secret']}"
    refused(ask(GRANT, query=query), 400, "invalid_request")
    refused(ask(GRANT | credentials, query=query), 400, "invalid_request")


@pytest.mark.parametrize("body", [b"grant_type=client_credentials&scope=%zz", b"grant_type=client_credentials&scope=\xff", b"\0"])
def test_a_broken_form(ask, body):
    refused(ask(body, headers={"Content-Type": "application/x-www-form-urlencoded"}), 400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods(ask, method):
    answer = ask(method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_secrets_stay_out_of_refusals(ask, credentials):
    answer = ask(GRANT | credentials | {"scope": credentials["client_secret"]})
    assert credentials["client_secret"] not in answer.text


# --- which tokens live ---


def test_asking_again_ends_the_token_before(stack, editor):
    first, second = (editor.ask_token().json()["access_token"] for _ in range(2))
    assert (lives(stack, first), lives(stack, second)) == (False, True)


def test_a_set_of_scopes_has_no_order(stack, editor):
    first = editor.ask_token("api_read api_write").json()["access_token"]
    second = editor.ask_token("api_write api_read").json()["access_token"]
    assert (lives(stack, first), lives(stack, second)) == (False, True)


def test_other_sets_of_scopes_stay(stack, editor):
    tokens = [editor.ask_token(scope).json()["access_token"]
              for scope in ("api_access", "api_read", "api_read api_write", "api_access api_read")]
    editor.ask_token("api_write")
    assert all(lives(stack, token) for token in tokens)


def test_another_editors_tokens_stay(stack, editor, make_editor):
    other = make_editor().token()
    editor.ask_token()
    assert lives(stack, other)


def test_of_many_at_once_exactly_one_lives(stack, editor):
    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda _: editor.ask_token(), range(48)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(lives(stack, answer.json()["access_token"]) for answer in answers) == 1


def test_a_scope_too_small_is_forbidden(editor):
    market = {"public_market": {}}
    assert editor.call("POST", "/public_markets", scope="api_read", json=market).status_code == 403
    assert editor.call("GET", "/fields", scope="api_write").status_code == 403
    assert editor.call("POST", "/public_markets", scope="api_write", json=market).status_code == 422
    assert editor.call("GET", "/fields", scope="api_read").status_code == 200


def test_rotating_the_secret(ask, editor, credentials):
    fresh = editor.command("rotate-secret", "--overlap", "1h")["client_secret"]
    assert ask(GRANT | credentials).status_code == 200
    assert ask(GRANT | credentials | {"client_secret": fresh}).status_code == 200
    last = editor.command("rotate-secret", "--overlap", "0")["client_secret"]
    refused(ask(GRANT | credentials), 401, "invalid_client")
    assert ask(GRANT | credentials | {"client_secret": last}).status_code == 200


def test_without_redis_nobody_is_told_that_he_is_unknown(stack, editor):
    editor.token()
    stack.pause("redis")
    try:
        # another set of scopes: Redis may do, once awake, what it was asked for
        asked, called = editor.ask_token("api_read"), editor.call("GET", "/fields")
    finally:
        stack.resume("redis")
    assert (asked.status_code, called.status_code) == (503, 503)
    assert asked.headers["Retry-After"] and called.headers["Retry-After"]
    assert asked.headers["Cache-Control"] == "no-store"
    stack.wait_ready()
    assert editor.call("GET", "/fields").status_code == 200
