#!/usr/bin/env python3
"""The words of the pages hold together: check.py TEMPLATES_DIR LOCALE.json…

Every {{t.section.key}} of a template exists in every language, no word is unused, both languages have the same keys,
variables and plurals; no page carries an inline style or script (the CSP would drop it) and every form its token.
"""
import json
import pathlib
import re
import sys

folder, *locales = map(pathlib.Path, sys.argv[1:])
problems = []


def no_twice(pairs):
    keys = [key for key, _ in pairs]
    problems.extend(f"key twice: {key}" for key in set(keys) if keys.count(key) > 1)
    return dict(pairs)


def flat(path):
    tree = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=no_twice)
    return {f"{section}.{key}": text for section, words in tree.items() for key, text in words.items()}


words = {path.name: flat(path) for path in locales}
pages = {path.relative_to(folder): path.read_text(encoding="utf-8") for path in folder.rglob("*.mustache")}
used = set(re.findall(r"[{ #^&/]t\.([a-z_]+\.[a-z0-9_]+)", "\n".join(pages.values())))

for name, texts in words.items():
    problems += [f"{name}: no {key}" for key in sorted(used - texts.keys())]
    problems += [f"{name}: {key} is not used" for key in sorted(texts.keys() - used)]
    problems += [f"{name}: {key} is empty" for key, text in texts.items() if not text.strip()]
    problems += [f"{name}: {key} has markup" for key, text in texts.items() if "<" in text]
    if name == "fr.json":
        problems += [f"{name}: {key}: no-break space missing" for key, text in texts.items() if re.search(r" [:;?!»]|« ", text)]
        problems += [f"{name}: {key}: straight quote" for key, text in texts.items() if re.search("['\"]", text)]

variables = [{key: set(re.findall(r"\{\{[#^/]?([a-z_]+)\}\}", text)) - {"plural"} for key, text in t.items()} for t in words.values()]
for key in variables[0].keys() & variables[-1].keys():
    if variables[0][key] != variables[-1][key]:
        problems.append(f"{key}: other variables in one language")

for path, text in pages.items():
    if re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]* src=)", text):
        problems.append(f"{path}: inline style or script")
    if text.count('method="post"') != text.count('name="csrf_token"'):
        problems.append(f"{path}: a form without csrf_token")
    for tag in ("section", "fieldset", "form", "ul", "dl", "div", "nav", "details"):
        if len(re.findall(rf"<{tag}\b", text)) != text.count(f"</{tag}>") and not str(path).startswith("layout"):
            problems.append(f"{path}: <{tag}> not closed")

print("\n".join(problems) or f"{len(used)} words in {len(words)} languages, {len(pages)} templates")
sys.exit(bool(problems))
