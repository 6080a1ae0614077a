"""The field catalogue as its file has it: what the running system must agree with."""

import csv

from support.stack import ROOT

with (ROOT / "proto/catalogue/fields.csv").open(newline="", encoding="utf-8") as lines:
    FIELDS = list(csv.DictReader(lines))


def _applies(field, types):
    return bool(set(field["market_types"].split("|")) & set(types))


def required(types):
    """The keys that come with a market of these types, in the catalogue's order."""
    return [field["key"] for field in FIELDS if _applies(field, types) and field["required"] == "true"]


def choosable(types):
    """Those its buyer may add."""
    return [field["key"] for field in FIELDS if _applies(field, types) and field["required"] != "true"]


def configured(types, chosen=()):
    """What a webhook tells of it: both, in the catalogue's order."""
    wanted = set(required(types)) | set(chosen)
    return [field["key"] for field in FIELDS if field["key"] in wanted]
