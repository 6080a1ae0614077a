"""
Hostile bodies against the creation of a market: each gets a clear 4xx, and leaves no trace. None of them is a market.
"""

import json

import pytest
from support.editor import MARKET, Editor

GOOD = json.dumps({"public_market": MARKET}, ensure_ascii=False).encode()
TEXT_MEMBERS = ("name", "deadline")  # a text, and required
NO_TEXTS = ("null", "true", "false", "0", "-1", "1.5", "1e3", "1e400", "9" * 400, "[]", "{}", '["x"]', '{"x":"y"}', '""',
            '"   "')
NO_DEADLINES = (
    "now", "2030", "2030-06", "2030-06-15", "20300615T120000Z", "2030-06-15T24:00", "2030-06-15T12:60", "2030-06-15T12:00:60Z",
    "2030-02-29T12:00", "2030-13-01T12:00", "2030-00-01T12:00", "2030-06-31T12:00", "2030-06-15 12:00", "2030-06-15T12",
    "2030-06-15T12:00+25:00", "2030-06-15T12:00ZZ", "2030-06-15T12:00:00.Z", "-2030-06-15T12:00", "99999-01-01T00:00",
    "１２３４-06-15T12:00", "2030-06-15T12:00\\n", "2030-06-15T12:00\\u0000", "P1D", "1750000000", "0000-01-01T00:00")
NO_TYPES = (
    "null", '"supplies"', "{}", "1", "true", "[]", "[null]", "[1]", "[[]]", "[{}]", '[["supplies"]]', '["supplies",1]',
    '["supplies",null]', '["defense"]', '["defense","defense"]', '["Supplies"]', '["supplies "]', '[""]', '["supplies\\u200b"]',
    '["suppliеs"]', '["supplies","x"]', '{"0":"supplies"}', json.dumps(["x"] * 1000), json.dumps(["x" * 60000]),
    "[" + "1," * 2500 + "1]")
BROKEN_NUMBERS = ("01", "1.", ".5", "+1", "1e", "1e+", "0x10", "1_000", "--1", "NaN", "Infinity", "-Infinity", "-", "1 2", "١")
BROKEN_UTF8 = (b"\xff", b"\xfe", b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xb0\x80",
               b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x92", b"\xe9t\xe9")
BROKEN_ESCAPES = (r"\x41", r"\u12", r"\u123g", r"\ud800", r"\udc00", r"\ud800\ud800", r"\ud800x", r"\u0000", "\\", r"\'", r"\U0001F600")
DEPTHS = (17, 18, 64, 500, 850, 1000, 5000, 20000)


def market(**members):
    """A body with these members, as JSON texts, in place of good ones."""
    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in MARKET.items()} | members
    return ('{"public_market":{' + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}}").encode()


def named(raw):
    """A body whose name has these bytes in it."""
    return GOOD.replace("Fourniture".encode(), b"Four" + raw + b"niture")


def types():
    for text in ("null", "true", "0", '"public_market"', "[]", '[{"public_market":{}}]', "{}", '{"public_market":null}',
                 '{"public_market":[]}', '{"public_market":"x"}', '{"public_market":1}', '{"public_market":true}',
                 '{"public_market":{}}', '{"Public_Market":{}}', '{"public_market ":{}}', '[["public_market",{}]]'):
        yield f"top {text}", text.encode()
    for name in TEXT_MEMBERS:
        for text in NO_TEXTS:
            yield f"{name} {text[:20]}", market(**{name: text})
    for text in NO_TEXTS[1:-2]:  # null and blank ones are a lot without a name
        yield f"lot_name {text[:20]}", market(lot_name=text)
    for text in NO_TYPES:
        yield f"types {text[:20]}", market(market_type_codes=text)
    for text in NO_DEADLINES:
        yield f"deadline {text}", market(deadline=f'"{text}"')


def depths():
    for depth in DEPTHS:
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            value = opening * depth + "1" + closing * depth
            yield f"{depth} {opening} for a name", market(name=value)
            yield f"{depth} {opening} somewhere", market(more=value)
        yield f"{depth} [ never closed", b'{"public_market":' + b"[" * depth


def unicode():
    for number, raw in enumerate(BROKEN_UTF8):
        yield f"UTF-8 {raw}", named(raw)
        yield f"UTF-8 {raw} for a key", GOOD.replace(b'"lot_name"', b'"lot' + raw + b'name"')
    for text in BROKEN_ESCAPES:
        yield f"escape {text}", named(text.encode())
    for code in range(32):
        yield f"raw control {code}", named(bytes([code]))
        yield f"escaped control {code}", named(f"\\u{code:04x}".encode())
    yield "escaped DEL", named(b"\\u007f")
    yield "byte order mark", b"\xef\xbb\xbf" + GOOD
    for encoding in ("utf-16-le", "utf-16-be", "utf-16", "utf-32"):
        yield encoding, GOOD.decode().encode(encoding)
    yield "latin-1", GOOD.decode().encode("latin-1")


def sizes():
    for letter in ("a", "é", "日", "😀", "\u0301"):
        yield f"256 {letter}", market(name=json.dumps(letter * 256, ensure_ascii=False))
        yield f"lot of 256 {letter}", market(lot_name=json.dumps(letter * 256, ensure_ascii=False))
    yield "a name of 60,000", market(name=json.dumps("a" * 60000))
    yield "a deadline of 60,000", market(deadline=json.dumps("2" * 60000))
    yield "above 64 KiB", market(name=json.dumps("a" * 65536))
    yield "64 KiB of spaces, and one", GOOD + b" " * (65537 - len(GOOD))
    yield "many members", market(**{f"m{n}": "1" for n in range(2500)})
    yield "nothing", b""
    yield "spaces", b" \r\n\t"
    yield "one NUL", b"\0"
    yield "a form", b"public_market%5Bname%5D=x"
    yield "XML", b"<public_market><name>x</name></public_market>"
    yield "random", bytes(range(256)) * 4
    for length in range(1, len(GOOD), 5):
        yield f"cut at {length}", GOOD[:length]


def numbers():
    for text in BROKEN_NUMBERS:
        yield f"number {text}", market(more=text)
        yield f"number {text} for a name", market(name=text)


def syntax():
    for before, after in ((b"", b"x"), (b"", b"{}"), (b"", b","), (b"", b"\0"), (b"x", b""), (b",", b""), (b")]}'\n", b""),
                          (b"//x\n", b""), (b"/**/", b""), (b"", b"//x"), (b"[", b""), (b"callback(", b")")):
        yield f"{before} … {after}", before + GOOD + after
    yield "single quotes", GOOD.replace(b'"', b"'")
    yield "bare keys", GOOD.replace(b'"name"', b"name")
    yield "trailing comma", GOOD.replace(b"}}", b",}}")
    yield "no comma", GOOD.replace(b'", "', b'" "')
    yield "equal signs", GOOD.replace(b":", b"=")


def duplicates():
    yield "public_market", b'{"public_market":{},' + GOOD[1:]
    yield "public_market again", GOOD[:-1] + b',"public_market":{}}'
    for name in MARKET:
        value = json.dumps(MARKET[name])
        yield f"{name} twice", GOOD[:-2] + f', "{name}": {value}}}}}'.encode()
        yield f"{name} spelt otherwise", GOOD[:-2] + f', "\\u{ord(name[0]):04x}{name[1:]}": {value}}}}}'.encode()
    yield "of others", market(more='{"a":1,"a":1}')
    yield "empty keys", market(more='{"":1,"":1}')


KINDS = [types, depths, unicode, sizes, numbers, syntax, duplicates]


def test_they_are_many_and_differ():
    bodies = [body for kind in KINDS for _, body in kind()]
    assert len(set(bodies)) >= 300


@pytest.fixture(scope="module")
def hostile(stack):
    return Editor(stack)


def traces(stack):
    """What an accepted creation leaves behind, each of it."""
    return [stack.query("market", f"SELECT COUNT(*) AS n FROM {table}")[0]["n"]
            for table in ("markets", "idempotency_keys", "outbox")]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_is_refused_clearly_and_leaves_no_trace(stack, hostile, kind):
    pid, before = stack.pid("market"), traces(stack)

    for name, body in kind():
        answer = hostile.call("POST", "/public_markets", data=body,
                              headers={"Content-Type": "application/json", "Idempotency-Key": f"hostile {kind.__name__}"})
        assert answer.status_code in (400, 413, 422), f"{name}: {answer.status_code} {answer.text}"
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8", name
        told = answer.json()
        messages = told["errors"] if answer.status_code == 422 else [told["error"]]
        assert messages and all(5 < len(message) and "ERR_" not in message for message in messages), f"{name}: {told}"

    assert traces(stack) == before
    assert stack.pid("market") == pid
    assert hostile.market(hostile.create_market()["identifier"])["status"] == "created"
