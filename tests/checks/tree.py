"""The tree as the laws see it: paths and texts, nothing else, so that a self-test can hand them a small made-up one."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Tree:
    def __init__(self, files):
        self.files = files

    def __contains__(self, path):
        return path in self.files

    def __getitem__(self, path):
        return self.files[path]

    def paths(self, *suffixes):
        """Those that end so, in order; all of them without a suffix."""
        return sorted(path for path in self.files if not suffixes or path.endswith(suffixes))


def load(root=ROOT):
    """What is in git, and what is new and not ignored."""
    listing = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, stdout=subprocess.PIPE).stdout
    files = {}
    for name in sorted(set(listing.decode().split("\0")) - {""}):
        path = root / name
        if not path.is_file() or path.is_symlink():
            continue
        try:
            files[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            pass  # an image or a font: no law speaks of it
    return Tree(files)


TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def code_of(text):
    """C without its comments, strings and character constants; lines and columns stay where they were."""
    return TOKEN.sub(lambda match: _blank(match.group()), text)


def strings_of(text):
    """(line, content) of each string literal; those of #include lines are left out."""
    lines = text.split("\n")
    for match in TOKEN.finditer(text):
        if not match.group().startswith('"'):
            continue
        number = text.count("\n", 0, match.start()) + 1
        if not lines[number - 1].lstrip().startswith("#include"):
            yield number, match.group()[1:-1]


def includes_of(text):
    """(line, name, is it <…>) of each #include."""
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(2), match.group(1) == "<"


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
