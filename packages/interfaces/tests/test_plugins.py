import subprocess
import sys
import textwrap
import zipfile
from importlib.metadata import DistributionFinder, PathDistribution

import pytest

from flowstone_interfaces.plugins import BrokenPluginError, PluginNotFoundError, installed_plugins, load_plugin

GROUP = "flowstone_test.colours"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a package with entry points on the path: files by name, and what `entry_points.txt` says."""
    imported_before = set(sys.modules)

    def install(name, files, entry_points, folder="site"):
        site = tmp_path / folder
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{key} = {target}" for key, target in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
        for file, source in files.items():
            (site / file).write_text(textwrap.dedent(source))
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(site)
        return site

    yield install
    for module in set(sys.modules) - imported_before:
        del sys.modules[module]


def test_a_plugin_is_found_by_its_name(install):
    """All it takes is to install its package."""
    install("red-package", {"red_module.py": "class Red:\n    shade = 'dark'\n"}, {"red": "red_module:Red.shade"})
    assert load_plugin(GROUP, "red") == "dark"
    assert list(installed_plugins(GROUP)) == ["red"]


def test_looking_up_one_plugin_imports_no_other(install):
    """A plugin costs its import only to whoever uses it, and a broken one harms nobody else."""
    broken = "import no_such_package_anywhere\n"
    install(
        "mixed",
        {"good_module.py": "good = 1\n", "other_module.py": "other = 2\n", "broken_module.py": broken},
        {"broken": "broken_module:broken", "good": "good_module:good", "other": "other_module:other"},
    )
    assert sorted(installed_plugins(GROUP)) == ["broken", "good", "other"]
    assert not {"good_module", "other_module", "broken_module"} & set(sys.modules)
    assert load_plugin(GROUP, "good") == 1
    assert not {"other_module", "broken_module"} & set(sys.modules)


def test_a_missing_plugin_is_named_with_those_that_are_there(install):
    """A typo, or a package that is not installed."""
    install("two", {}, {"red": "x:y", "blue": "x:y"})
    with pytest.raises(PluginNotFoundError) as caught:
        load_plugin(GROUP, "rde")
    error = caught.value
    assert (error.group, error.name, error.installed) == (GROUP, "rde", ("blue", "red"))
    assert str(error) == (f"no plugin 'rde' in {GROUP}; installed: blue, red; install the package that offers it")


def test_a_group_that_nobody_knows_is_empty():
    """Nothing was installed for it."""
    assert installed_plugins("flowstone_test.nothing") == {}
    with pytest.raises(PluginNotFoundError, match="installed: none"):
        load_plugin("flowstone_test.nothing", "red")


@pytest.mark.parametrize(
    ("source", "target", "cause"),
    [
        ("import no_such_package_anywhere", "broken_module:colour", "ModuleNotFoundError: No module named"),
        ("colour = 1 / 0", "broken_module:colour", "ZeroDivisionError: division by zero"),
        ("colour = ", "broken_module:colour", "SyntaxError: invalid syntax"),
        ("other = 1", "broken_module:colour", "AttributeError: module 'broken_module' has no attribute 'colour'"),
        ("", "no_such_module_anywhere:colour", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("", "not a target", "AttributeError"),
    ],
)
def test_a_broken_plugin_is_one_error_that_names_it_and_its_cause(install, source, target, cause):
    """Whoever asked for it can tell whose fault it is."""
    install("broken", {"broken_module.py": source}, {"broken": target})
    with pytest.raises(BrokenPluginError) as caught:
        load_plugin(GROUP, "broken")
    error = caught.value
    assert (error.group, error.plugin_name, error.target) == (GROUP, "broken", target)
    assert error.cause.startswith(cause)
    assert error.__cause__ is not None
    assert str(error).startswith(f"the plugin 'broken' of {GROUP} ({target}) cannot be loaded: {cause}")
    assert str(error).endswith("; repair or uninstall its package")


def test_of_two_packages_with_one_name_the_first_on_the_path_counts(install):
    """As for imports: what is put in front replaces what is installed."""
    install("below", {"below_module.py": "colour = 'below'\n"}, {"red": "below_module:colour"}, folder="one")
    install("above", {"above_module.py": "colour = 'above'\n"}, {"red": "above_module:colour"}, folder="two")
    assert load_plugin(GROUP, "red") == "above"


def test_a_fresh_interpreter_finds_plugins_too(install):
    """Nothing is remembered from the process that installed them."""
    site = install("red-package", {"red_module.py": "colour = 'dark'\n"}, {"red": "red_module:colour"})
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from flowstone_interfaces.plugins import load_plugin\n"
        f"print(load_plugin({GROUP!r}, 'red'))\n"
    )
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True) == "dark\n"


def test_a_package_in_an_archive_is_found(install, tmp_path, monkeypatch):
    """A wheel on the path is installed enough for Python."""
    site = install(
        "packed", {"packed_module.py": "shade = 'pale'\n"}, {"pale": "packed_module:shade"}, folder="raw"
    )
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(site)])
    assert installed_plugins(GROUP) == {}
    with zipfile.ZipFile(tmp_path / "packed.whl", "w") as archive:
        for file in site.rglob("*"):
            if file.is_file():
                archive.write(file, file.relative_to(site))
    monkeypatch.syspath_prepend(tmp_path / "packed.whl")
    assert load_plugin(GROUP, "pale") == "pale"


def test_whoever_keeps_packages_elsewhere_is_asked(install, monkeypatch):
    """Installers have finders of their own: for Python, what they find is installed."""
    site = install("elsewhere", {}, {"green": "x:y"}, folder="hidden")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(site)])
    assert installed_plugins(GROUP) == {}

    class Elsewhere(DistributionFinder):
        def find_spec(self, name, path=None, target=None):
            return None

        def find_distributions(self, context=None):
            return [PathDistribution(site / "elsewhere-1.0.dist-info")]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Elsewhere()])
    assert list(installed_plugins(GROUP)) == ["green"]


def test_a_group_that_nobody_offers_costs_no_import():
    """Every run asks for serializers, and most machines have none."""
    program = (
        "import sys; from flowstone_interfaces.plugins import installed_plugins; "
        "assert installed_plugins('nobody.offers.this') == {}; sys.exit('importlib.metadata' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
