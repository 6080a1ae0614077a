"""The webhook secret's whole life: rotated with an overlap, and sealed anew under another key while webhooks go out."""

import base64
import hashlib
import hmac
import os
import time

import pytest
from support.buyer import Buyer
from support.editor import Editor
from support.stack import Stack
from support.waiting import until


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    one = Stack(tmp_path_factory.mktemp("secrets"), VR_RATE_LIMIT_API="0", VR_RATE_LIMIT_TOKEN="0")
    one.start()
    yield one
    one.stop()


def webhook_of(editor, receiver):
    created = editor.create_market()
    Buyer(created["configuration_url"]).complete()
    return receiver.wait(1, identifier=created["identifier"])[0]


def seed_form(request, secret):
    return request.header("X-Webhook-Signature-SHA256") == "sha256=" + hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()


def standard_forms(request):
    return request.header("webhook-signature").split(" ")


def rotate(stack, editor, overlap):
    told = editor.command("rotate-webhook-secret", "--overlap", overlap)
    until(lambda: stack.query("webhook", "SELECT 1 FROM endpoints WHERE editor_id = ? AND version >= ?", editor.id, told["version"]), 10,
          "webhook knows the new secret")
    return told["webhook_secret"]


def test_the_overlap_and_its_end(stack, receiver):
    """Seed's header: the old one, then the new one. Standard Webhooks: both, then the new one alone."""
    overlap_s = 4
    editor = Editor(stack, webhook_url=receiver.url)
    old = editor.webhook_secret
    new = rotate(stack, editor, f"{overlap_s}s")
    rotated = time.monotonic()
    during = webhook_of(editor, receiver)
    assert time.monotonic() - rotated < overlap_s, "too slow a machine for this overlap"
    assert seed_form(during, old) and not seed_form(during, new)
    assert sorted(standard_forms(during)) == sorted([during.standard_signature(old), during.standard_signature(new)])
    until(lambda: time.monotonic() - rotated > overlap_s + 1, overlap_s + 5, "the overlap's end")
    after = webhook_of(editor, receiver)
    assert seed_form(after, new)
    assert standard_forms(after) == [after.standard_signature(new)]


def test_an_overlap_of_nothing_and_a_second_rotation(stack, receiver):
    editor = Editor(stack, webhook_url=receiver.url)
    first = editor.webhook_secret
    second = rotate(stack, editor, "1h")
    third = rotate(stack, editor, "1h")
    request = webhook_of(editor, receiver)
    assert sorted(standard_forms(request)) == sorted([request.standard_signature(second), request.standard_signature(third)])
    assert request.standard_signature(first) not in standard_forms(request)
    fourth = rotate(stack, editor, "0")
    request = webhook_of(editor, receiver)
    assert seed_form(request, fourth) and standard_forms(request) == [request.standard_signature(fourth)]


def test_secrets_sealed_anew_while_webhooks_go_out(stack, receiver):
    editors = [Editor(stack, webhook_url=receiver.url) for _ in range(3)]
    old = editors[0].webhook_secret
    new = rotate(stack, editors[0], "1h")
    keys = stack.folder / "secrets/secret-keys"
    before = keys.read_text().strip()
    second = "k2:" + base64.b64encode(os.urandom(32)).decode()

    keys.write_text(f"{second},{before}")
    stack.restart("webhook")
    told = stack.run("vr-webhook", "secrets", "reencrypt")
    sealed = [row[name] for row in stack.query("webhook", "SELECT secret, old_secret FROM endpoints") for name in row.keys() if row[name]]
    assert told["secrets"] == told["reencrypted"] == len(sealed) and told["unreadable"] == 0
    assert all(one.startswith("k2.") for one in sealed) and len(set(sealed)) == len(sealed)
    assert stack.run("vr-webhook", "secrets", "reencrypt")["reencrypted"] == 0

    keys.write_text(second)  # the first key is gone, and nobody misses it
    stack.restart("webhook")
    request = webhook_of(editors[0], receiver)
    assert seed_form(request, old)
    assert sorted(standard_forms(request)) == sorted([request.standard_signature(old), request.standard_signature(new)])
    for editor in editors[1:]:
        assert webhook_of(editor, receiver).is_signed_by(editor.webhook_secret)

    keys.write_text(before)
    with pytest.raises(AssertionError, match='"unreadable":'):
        stack.run("vr-webhook", "secrets", "reencrypt")
