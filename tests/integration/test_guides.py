"""The guides for editors do what they say: every command, every answer (support/guide.py has the rules)."""

import os
import re
import socket
from pathlib import Path

import pytest
from support.buyer import Buyer
from support.editor import Editor
from support.guide import Shell, same, steps_of
from support.waiting import until

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDES = sorted((DOCS / "editeurs").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)]*))?\)")
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def shell(stack, receiver, tmp_path):
    """A reader's, in a folder whose .run/env is the running stack's, with an editor of the reader's own."""
    editor = Editor(stack, webhook_url=receiver.url)
    run = tmp_path / ".run"
    run.mkdir()
    (run / "secret").write_text(editor.client_secret)
    (run / "webhook-secret").write_text(editor.webhook_secret)
    (run / "env").write_text(f". '{stack.folder}/env'\n"
                             f"VR_CLIENT_ID={editor.client_id} VR_CLIENT_SECRET_FILE='{run}/secret'\n"
                             f"VR_DEMO_WEBHOOK_SECRET_FILE='{run}/webhook-secret'\n")
    outer = {name: value for name, value in os.environ.items() if not name.startswith("VR_")}
    with Shell(tmp_path, outer) as one:
        yield one


def as_here(text, stack, port):
    """The ports a guide shows are those of a stack without settings."""
    for shown, here in (("localhost:8080", f"localhost:{stack.env['VR_HTTP_PORT']}"),
                        ("localhost:4567", f"localhost:{stack.env['VR_DEMO_PORT']}"), ("9999", str(port))):
        text = text.replace(shown, here)
    return text


def run_step(step, shell, text, expected):
    if step.kind == "acheteur":
        Buyer(shell.value(text)).complete()
    elif step.kind == "attendre":
        until(lambda: shell.run(text + "\n")[0] == 0, 30, text)
    else:
        status, printed, complaint = shell.run(text)
        assert status == 0, f"exit {status}\n{printed}{complaint}"
        assert expected is None or same(step.expected_kind, expected, printed), (
            f"the guide says:\n{expected}\nbut it was:\n{printed}{complaint}")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_guide_does_what_it_says(guide, stack, shell):
    port = free_port()
    for step in steps_of(guide.read_text()):
        expected = step.expected and as_here(step.expected, stack, port)
        try:
            run_step(step, shell, as_here(step.text, stack, port), expected)
        except AssertionError as error:
            raise AssertionError(f"{guide.relative_to(DOCS.parent)}:{step.line}: {error}") from None


def anchors_of(page):
    """Of its headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text()), re.M)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def leads_somewhere(page, target, anchor):
    there = (page.parent / target) if target else page
    return there.exists() and (not anchor or anchor in anchors_of(there))


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: str(path.relative_to(DOCS)))
def test_links_lead_somewhere(page):
    links = [link for link in LINK.findall(FENCED.sub("", page.read_text())) if not re.match(r"\w+:", link[0])]
    assert not [link for link in links if not leads_somewhere(page, *link)]


def test_lost_links_are_noticed():
    page = DOCS / "editeurs/README.md"
    assert leads_somewhere(page, "webhooks.md", "la-requête") and leads_somewhere(page, "", "comment-lire-ces-guides")
    assert not leads_somewhere(page, "webhook.md", "") and not leads_somewhere(page, "webhooks.md", "la-requete")


# --- the rules of comparison can fail ---

TOKEN = "vr_at_" + "A" * 43


@pytest.mark.parametrize("kind, expected, printed, is_same", [
    ("json", '{"a": 1}', '{"a":1}', True),
    ("json", '{"a": 1}', '{"a":2}', False),
    ("json", '{"a": 1}', '{"a":1,"b":2}', False),
    ("json", '{"a": 1, "…": "…"}', '{"a":1,"b":2}', True),
    ("json", '{"a": 1, "…": "…"}', '{"b":2}', False),
    ("json", '["a", "…"]', '["a","b","c"]', True),
    ("json", '["a", "…"]', '["b","c"]', False),
    ("json", '["a"]', '["a","b"]', False),
    ("json", '{"a": null}', '{"a":false}', False),
    ("json", '{"a": 1}', '{"a":true}', False),
    ("json", '{"a": "VR-2024-A1B2C3D4E5F6"}', '{"a":"VR-2026-ZZZZZZZZZZZZ"}', True),
    ("json", '{"a": "VR-2024-A1B2C3D4E5F6"}', '{"a":"VR-2026-ZZZ"}', False),
    ("json", '{"a": "2024-06-15T14:30:45Z"}', '{"a":null}', False),
    ("json", '{"duration_ms": 12}', '{"duration_ms":7}', True),
    ("json", '{"created_at": 1718461845}', '{"created_at":1790000000}', True),
    ("json", '{"expires_in": 86400}', '{"expires_in":86399}', False),
    ("json", '{"a": 1}', 'no JSON', False),
    ("text", "a …\nb", f"a {TOKEN}\nb\n", True),
    ("text", "a\n…\nc", "a\nb\nb\nc", True),
    ("text", "a\n…\nc", "a\nb\nb\nd", False),
    ("text", "a", "a\nb", False),
    ("text", "HTTP/1.1 200 OK", "HTTP/1.1 201 Created\r", False),
    ("text", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r", True),
])
def test_what_counts_as_equal(kind, expected, printed, is_same):
    assert same(kind, expected, printed) is is_same


def test_steps_are_read_in_order():
    text = "```sh\none\n```\n\n```json\n{}\n```\n\n<!-- attendre : two -->\n\n```python\nx\n```\n\n```json\n[]\n```\n"
    assert [(step.kind, step.text, step.expected) for step in steps_of(text)] == [
        ("sh", "one\n", "{}\n"), ("attendre", "two", None)]
