"""Is it valid HTML? A validator that stays open for the whole run (validator/)."""

import json
import subprocess

from support.stack import ROOT

HERE = ROOT / "tests/browser/validator"


class Validator:
    def __init__(self):
        subprocess.run([HERE / "install"], check=True)
        self.process = subprocess.Popen(["node", HERE / "validate.mjs", ROOT / "build/validator/node_modules"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def faults(self, name, html):
        """["12: element-required-attributes: …"]"""
        self.process.stdin.write(json.dumps({"name": name, "html": html}) + "\n")
        self.process.stdin.flush()
        return [f"{one['line']}: {one['rule']}: {one['message']}" for one in json.loads(self.process.stdout.readline())]

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0
