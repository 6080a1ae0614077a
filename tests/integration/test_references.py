"""Generated pages are as the programs tell."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_settings_reference_is_current():
    told = subprocess.run([ROOT / "docs/generate", "--check"], env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    assert told.returncode == 0, told.stdout
