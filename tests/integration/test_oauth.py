"""What goes with tokens: introspection, revocation, metadata; the operator's view of refused credentials; removed editors."""

import requests

from support.editor import Editor
from support.waiting import until


def of_client(stack, editor, path, **form):
    credentials = {"client_id": editor.client_id, "client_secret": editor.client_secret}
    return requests.post(f"{stack.url}/oauth/{path}", data=credentials | form, timeout=15)


def status_with(stack, token):
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{stack.url}/api/v1/public_markets?limit=1", headers=headers, timeout=15).status_code


def test_the_metadata_leads_to_the_endpoints(stack, editor):
    answer = requests.get(f"{stack.url}/.well-known/oauth-authorization-server", timeout=15)
    metadata = answer.json()
    assert metadata["issuer"] == stack.url
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    token = requests.post(metadata["token_endpoint"], data={"grant_type": "client_credentials"},
                          auth=(editor.client_id, editor.client_secret), timeout=15).json()["access_token"]
    form = {"token": token, "token_type_hint": "access_token"}
    told = requests.post(metadata["introspection_endpoint"], data=form, auth=(editor.client_id, editor.client_secret), timeout=15)
    assert told.json()["active"]
    assert requests.post(metadata["revocation_endpoint"], data=form, auth=(editor.client_id, editor.client_secret), timeout=15).ok
    assert requests.get(metadata["service_documentation"], timeout=15).ok


def test_introspection_agrees_with_the_api(stack, editor, make_editor):
    other = make_editor()
    token = editor.token("api_read")
    told = of_client(stack, editor, "introspect", token=token)
    assert told.headers["Cache-Control"] == "no-store"
    told = told.json()
    assert (told["active"], told["scope"], told["client_id"], told["sub"]) == (True, "api_read", editor.client_id, editor.id)
    assert told["exp"] - told["iat"] == 86400
    assert status_with(stack, token) == 200
    assert of_client(stack, other, "introspect", token=token).json() == {"active": False}

    editor.command("revoke-tokens")
    assert of_client(stack, editor, "introspect", token=token).json() == {"active": False}
    assert status_with(stack, token) == 401


def test_a_revoked_token_is_refused_at_once(stack, editor, make_editor):
    other = make_editor()
    token, reading = editor.token(), editor.token("api_read")
    refused = of_client(stack, other, "revoke", token=token)
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    assert status_with(stack, token) == 200
    for _ in range(2):
        assert (of_client(stack, editor, "revoke", token=token).status_code, status_with(stack, token)) == (200, 401)
    assert status_with(stack, reading) == 200
    assert editor.ask_token().status_code == 200


def test_refused_credentials_are_in_the_audit_log(stack, editor):
    def counts():
        entries = stack.run("vr-auth", "audit", "list", "--editor", editor.client_id, "--since", "1h")["entries"]
        told = {}
        for entry in entries:
            if entry["action"] == "credentials.refused":
                told[entry["detail"]["reason"]] = told.get(entry["detail"]["reason"], 0) + entry["detail"]["count"]
        return told

    for _ in range(5):
        assert editor.ask_token(client_secret="wrong").status_code == 401
    editor.command("deactivate")
    assert editor.ask_token().status_code == 401
    until(lambda: counts() == {"wrong_secret": 5, "editor_not_active": 1}, 10, "all of them written")
    log = stack.run("vr-auth", "audit", "list", "--since", "1h")
    assert editor.client_secret not in str(log) and editor.webhook_secret not in str(log)
    actions = [entry["action"] for entry in log["entries"] if entry["editor_id"] == editor.id]
    assert [action for action in actions if action.startswith("editor.")] == ["editor.create", "editor.deactivate"]


def test_a_removed_editor_is_gone_everywhere(stack, editor, receiver):
    market = editor.create_market()
    token = editor.token()
    removed = stack.run("vr-auth", "editor", "remove", editor.client_id)
    assert removed["id"] == editor.id
    assert status_with(stack, token) == 403
    assert editor.ask_token().json()["error_description"] == "Client authentication failed"
    rows = "SELECT removed FROM endpoints WHERE editor_id = ?"
    until(lambda: [row["removed"] for row in stack.query("webhook", rows, editor.id)] == [1], 15, "webhook has heard")
    assert requests.get(market["configuration_url"], timeout=15).status_code == 200  # the buyer's pages are not the editor's


def test_an_imported_editor_gets_tokens_and_a_better_secret(make_editor, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("mot de passe repris, p@ss&=+%\n")
    editor = make_editor(client_id="repris-1", client_secret_file=secret)
    assert editor.client_secret == secret.read_text().rstrip("\n")
    assert editor.ask_token().status_code == 200
    assert editor.ask_token(client_secret=editor.client_secret.upper()).status_code == 401
    fresh = editor.command("rotate-secret", "--overlap", "1h")["client_secret"]
    assert [editor.ask_token(client_secret=one).status_code for one in (editor.client_secret, fresh)] == [200, 200]
    last = editor.command("rotate-secret", "--overlap", "1h")["client_secret"]  # a second rotation ends the oldest
    assert [editor.ask_token(client_secret=one).status_code for one in (editor.client_secret, fresh, last)] == [401, 200, 200]


def test_a_limit_outlives_the_service_and_a_tally_its_stop(make_stack):
    stack = make_stack(VR_RATE_LIMIT_TOKEN="3", VR_RATE_LIMIT_API="5")
    editor, other = Editor(stack), Editor(stack)
    assert [editor.ask_token().status_code for _ in range(2)] == [200, 200]
    assert other.ask_token(client_secret="wrong").status_code == 401
    stack.restart("auth")
    refused = stack.run("vr-auth", "audit", "list", "--editor", other.client_id)["entries"][-1]
    assert (refused["action"], refused["detail"]["count"]) == ("credentials.refused", 1)
    token = editor.ask_token().json()["access_token"]
    late = editor.ask_token()
    assert (late.status_code, late.headers["X-RateLimit-Remaining"]) == (429, "0")
    assert late.json() == {"error": "Rate limit exceeded", "retry_after": int(late.headers["Retry-After"])}
    assert other.ask_token().headers["X-RateLimit-Remaining"] == "2"  # everyone has a count of his own
    assert [status_with(stack, token) for _ in range(6)] == [200] * 5 + [429]  # and the API one of its own
    assert stack.metric("auth", "vr_rate_limited_total", scope="token") == 1
    assert stack.metric("auth", "vr_tokens_issued_total", result="rate_limited") == 1
    stack.redis().flushall()
    assert editor.ask_token().status_code == 200
