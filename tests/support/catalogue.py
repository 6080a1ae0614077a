"""The field catalogue as its file has it: what the running system must agree with."""

import csv

from support.stack import ROOT

with (ROOT / "proto/catalogue/fields.csv").open(newline="", encoding="utf-8") as lines:
    FIELDS = list(csv.DictReader(lines))
with (ROOT / "proto/catalogue/categories.csv").open(newline="", encoding="utf-8") as lines:
    CATEGORIES = {row["key"]: row["label_fr"] for row in csv.DictReader(lines)}
SOURCES = {"declaration": "À déclarer par le candidat", "document": "Document à fournir par le candidat"}


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


# --- what the pages show of them ---

def rows(keys):
    """Their rows of fields.csv, in the catalogue's order."""
    return [field for field in FIELDS if field["key"] in keys]


def labels(keys):
    return [field["label_fr"] for field in rows(keys)]


def badges(keys):
    """Where each answer comes from, in words."""
    told = [field["source"].partition(":") for field in rows(keys)]
    return [SOURCES.get(kind) or f"Récupéré automatiquement ({provider})" for kind, _, provider in told]


def groups(keys):
    """[(category, [sub-categories])] of these fields; empty ones left out."""
    under = {}
    for field in rows(keys):
        under.setdefault(field["category"], {})[field["subcategory"]] = None
    return [(CATEGORIES[category], [CATEGORIES[one] for one in inner]) for category, inner in under.items()]
