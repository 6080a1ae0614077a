"""Pages of docs/ that repeat what stands elsewhere are as it says."""

import json
import os
import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def plain(text):
    """One kind of space, one kind of apostrophe."""
    return " ".join(text.replace("’", "'").split())


def page(path):
    return plain((ROOT / "docs" / path).read_text())


def texts_of(value):
    """Every text in nested objects."""
    if isinstance(value, dict):
        for one in value.values():
            yield from texts_of(one)
    else:
        yield value


def test_the_settings_reference_is_current():
    told = subprocess.run([ROOT / "docs/generate", "--check"], env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    assert told.returncode == 0, told.stdout


def test_the_buyers_help_quotes_the_pages():
    phrases = set(map(plain, texts_of(json.loads((ROOT / "services/wizard/locales/fr.json").read_text()))))
    quoted = re.findall(r"« (.*?) »", page("acheteurs/README.md"))
    assert len(quoted) > 5 and set(quoted) <= phrases


def test_every_status_of_the_api_is_explained():
    paths = yaml.safe_load((ROOT / "proto/openapi/openapi.yaml").read_text())["paths"]
    statuses = {status for methods in paths.values() for method in methods.values() for status in method["responses"]}
    assert "422" in statuses and statuses <= set(re.findall(r"`(\d{3})`", page("editeurs/erreurs.md")))


def test_every_validation_message_is_explained():
    source = (ROOT / "common/app/public_market.c").read_text()
    messages = re.findall(r'"((?:Name|Deadline|Market type codes) [^"%]*)(?:%s)?"', source)
    guide = page("editeurs/marches.md")
    assert len(messages) > 6 and not [message for message in messages if message not in guide]
