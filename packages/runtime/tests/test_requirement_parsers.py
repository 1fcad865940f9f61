"""Files that list packages become what `@pypi` and `@conda` take."""

import pytest

from flowstone_runtime import conda_environment_yml_parser, pyproject_toml_parser, requirements_txt_parser
from flowstone_runtime.errors import UsageError


def test_requirements_become_packages_and_a_python() -> None:
    """Extras, ranges and direct references as pip reads them; comments are none."""
    content = """
    # what we need
    requests==2.31.0   # pinned
    pandas>=2,<3
    torch
    uvicorn[standard, extra] ~= 0.30
    mine @ git+https://example.com/mine.git#egg=mine
    scipy (>=1.0)
    python==3.12.1
    """
    assert requirements_txt_parser(content) == {
        "packages": {
            "requests": "2.31.0",
            "pandas": ">=2,<3",
            "torch": "",
            "uvicorn[standard,extra]": "~= 0.30",
            "mine@git+https://example.com/mine.git#egg=mine": "",
            "scipy": ">=1.0",
        },
        "python": "3.12.1",
    }
    assert requirements_txt_parser("") == {"packages": {}, "python": None}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-r more.txt", "line 2: '-r more.txt' is an option of pip"),
        ("--hash=sha256:1", "is an option of pip"),
        ("a==1; python_version < '3'", "environment marker"),
        ("two words", "is no requirement"),
        ("a=1", "is no requirement"),
        ("a==1,", "is no requirement"),
        ("==1", "is no requirement"),
        ("python==3.11\npython==3.12", "a second version of Python"),
    ],
)
def test_what_cannot_be_taken_over_is_refused_with_its_line(line, words) -> None:
    """A requirement that is left out silently is found in production."""
    with pytest.raises(UsageError, match=words):
        requirements_txt_parser(f"numpy\n{line}")


def test_a_project_gives_its_dependencies_and_its_python() -> None:
    """Of pyproject.toml, the standard table."""
    content = '[project]\nname = "x"\nrequires-python = ">=3.11"\ndependencies = ["a==1", "b>2"]\n'
    assert pyproject_toml_parser(content) == {"packages": {"a": "1", "b": ">2"}, "python": ">=3.11"}
    assert pyproject_toml_parser("") == {"packages": {}, "python": None}
    with pytest.raises(UsageError, match="is no TOML"):
        pyproject_toml_parser("[project")
    with pytest.raises(UsageError, match="dependency 1: 'a a' is no requirement"):
        pyproject_toml_parser('[project]\ndependencies = ["a a"]')


def test_an_environment_of_conda_gives_its_dependencies() -> None:
    """Channels belong to a package's name; of other lists, nothing is taken."""
    content = """
name: env
channels:
  - conda-forge
dependencies:
  - python=3.12
  - numpy=1.26   # pinned
  - "pandas>=2,<3"
  - conda-forge::scipy ==1.14
  - torch
variables:
  - X
"""
    assert conda_environment_yml_parser(content) == {
        "packages": {"numpy": "1.26", "pandas": ">=2,<3", "conda-forge::scipy": "1.14", "torch": ""},
        "python": "3.12",
    }


@pytest.mark.parametrize(("item", "words"), [("pip:\n    - x", "no conda package"), ("a=1=py_0", "names a build")])
def test_what_conda_cannot_install_so_is_refused(item, words) -> None:
    """With its line."""
    with pytest.raises(UsageError, match=f"line 2: .*{words}"):
        conda_environment_yml_parser(f"dependencies:\n  - {item}\n")
