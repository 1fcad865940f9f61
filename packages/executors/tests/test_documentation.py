"""The README's example prints what the README says."""

import re
import subprocess
import sys
from pathlib import Path


def test_the_readme_runs(tmp_path) -> None:
    """It is the first thing that a writer of executors tries."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    (expected,) = re.findall(r"^```text\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    output = subprocess.check_output([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, text=True)
    assert output == expected
