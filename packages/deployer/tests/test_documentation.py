"""The README's example runs."""

import re
from pathlib import Path


def test_the_example_of_the_readme_runs(capsys) -> None:
    """It is the first thing that anybody tries."""
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    exec(source, {})
    assert capsys.readouterr().out == '"start"\n'
