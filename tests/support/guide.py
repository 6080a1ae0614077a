"""
The guides for editors (docs/editeurs/), run as a reader would: their ```sh blocks in order, in one shell, and what each
prints compared with the ```json or ```text block that follows it.

What counts as equal, because no two runs agree on it: identifiers of markets, tokens, secrets, UUIDs, times, versions,
members in milliseconds or seconds, the local ports. `…` stands for anything: within a line, as a whole line (any
number of lines), as a value, as the last element of a list or as a member `"…": "…"` (any number of them).

Comments in a guide tell the runner what the reader does by hand (a variable is the shell's):
    <!-- acheteur : $CONFIGURATION_URL -->     a buyer goes through the four steps there
    <!-- attendre : test -s recu/corps -->     waits until the command succeeds
"""

import dataclasses
import json
import os
import re
import select
import signal
import subprocess

ANY = "…"

# --- reading ---

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$|^<!-- (acheteur|attendre) : (.*?) -->$", re.M | re.S)


@dataclasses.dataclass
class Step:
    kind: str  # "sh", "acheteur", "attendre"
    text: str
    line: int
    expected: str = None  # what "sh" prints
    expected_kind: str = None  # "json", "text"


def steps_of(text):
    """Of a guide, in order."""
    steps, previous = [], None
    for match in FENCE.finditer(text):
        language, block, comment, argument = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        if comment:
            steps.append(Step(comment, argument, line))
        elif language == "sh":
            steps.append(Step("sh", block, line))
        elif language in ("json", "text") and previous == "sh":
            steps[-1].expected, steps[-1].expected_kind = block, language
        previous = language
    return steps


# --- comparing ---

SHAPES = [
    (r"VR-\d{4}-[A-Z0-9]{12}", "<identifier>"),
    (r"vr_at_[\w-]{43}", "<token>"),
    (r"vr_ed_[\w-]{22}", "<client id>"),
    (r"vr_cs_[\w-]{43}", "<client secret>"),
    (r"whsec_[\w+/-]{20,}=*", "<webhook secret>"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"\b1[5-9]\d{8}\b", "<epoch>"),
    (r"\b[0-9a-f]{32}\b", "<request id>"),
    (r"\b00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\b", "<traceparent>"),
    (r"\b0\.\d+\.\d+\b", "<version>"),
]


def shaped(text):
    for pattern, name in reversed(SHAPES):
        text = re.sub(pattern, name, text)
    return text


def is_measured(name):
    return name.endswith(("_ms", "_seconds"))


def same_value(expected, printed):
    if expected == ANY:
        return True
    if isinstance(expected, dict) and isinstance(printed, dict):
        named = {name: value for name, value in expected.items() if name != ANY}
        if ANY not in expected and set(named) != set(printed):
            return False
        return all(name in printed and (is_measured(name) or same_value(value, printed[name])) for name, value in named.items())
    if isinstance(expected, list) and isinstance(printed, list):
        if expected[-1:] == [ANY]:
            expected, printed = expected[:-1], printed[:len(expected) - 1]
        return len(expected) == len(printed) and all(map(same_value, expected, printed))
    if isinstance(expected, int) and isinstance(printed, int) and not isinstance(expected, bool):
        return shaped(str(expected)) == shaped(str(printed))
    if isinstance(expected, str) and isinstance(printed, str):
        return same_text(expected, printed)
    return type(expected) is type(printed) and expected == printed


def same_text(expected, printed):
    lines = [".*" if line.strip() == ANY else ".*?".join(map(re.escape, line.rstrip().split(ANY)))
             for line in shaped(expected).strip().split("\n")]
    pattern = "".join((r"(?:[^\n]*\n)*" if line == ".*" else line.replace(".*?", "[^\n]*") + "\n") for line in lines)
    told = "\n".join(line.rstrip() for line in shaped(printed).strip().split("\n")) + "\n"
    return re.fullmatch(pattern, told) is not None


def same(kind, expected, printed):
    if kind == "text":
        return same_text(expected, printed)
    try:
        return same_value(json.loads(expected), json.loads(printed))
    except ValueError:
        return False


# --- running ---


class Shell:
    """One bash that is told block after block."""

    def __init__(self, folder, env):
        self.folder = folder
        self.process = subprocess.Popen(["bash", "--norc"], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        start_new_session=True)

    def run(self, code, seconds=30):
        """(exit status, what it printed, what it complained of)"""
        block, out, err = (self.folder / f".block{kind}" for kind in ("", ".out", ".err"))
        block.write_text(code)
        self.process.stdin.write(f". '{block}' >'{out}' 2>'{err}' </dev/null; echo $?\n".encode())
        self.process.stdin.flush()
        assert select.select([self.process.stdout], [], [], seconds)[0], f"not done within {seconds} s:\n{code}"
        status = self.process.stdout.readline()
        assert status, f"the shell is gone:\n{code}"
        return int(status), out.read_text(), err.read_text()

    def value(self, text):
        """As the shell expands it: `$NAME`."""
        return self.run(f'printf %s "{text}"\n')[1]

    def close(self):
        """With what it left running."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()
