import os
import pwd
from pathlib import Path

import attrs
import pytest

from flowstone_client import InvalidSettingsError, ProfileNotFoundError, Settings
from flowstone_client.settings import project_root


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a folder of flows; the working folder is elsewhere."""
    root = tmp_path / "project"
    (root / "flows").mkdir(parents=True)
    (root / ".git").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return root


@pytest.fixture
def environ(tmp_path):
    """Nothing but a home."""
    return {"HOME": str(tmp_path / "home"), "USER": "ann"}


def write_profile(environ, name, text):
    file = Path(environ["HOME"]) / ".config" / "flowstone" / f"{name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_by_default_a_project_keeps_its_store_in_its_root(project, environ):
    """Wherever in the project a flow is, and whoever starts it from where."""
    settings = Settings.load(project / "flows", environ)
    assert settings.store == str(project / ".flowstone")
    assert settings.user == "ann"
    assert settings.project_root == project
    assert settings.profile is None
    assert set(settings.sources.values()) == {"default"}


def test_the_more_specific_place_wins(project, environ, tmp_path):
    """Option, then variable, then project, then profile, then default; and each says that it was it."""
    pyproject = project / "pyproject.toml"
    pyproject.write_text('[tool.flowstone]\nstore = "/from/project"\nuser = "project"\n')
    profile = write_profile(environ, "big", 'store = "/from/profile"\nuser = "profile"\n')
    variables = {"FLOWSTONE_STORE": "/from/variable", "FLOWSTONE_USER": "variable"}
    given = {"store": "/from/option", "user": "option", "profile": None}

    def load(environ, options=None):
        settings = Settings.load(project, {**environ, "FLOWSTONE_PROFILE": "big"}, options)
        assert settings.store == f"/from/{settings.user}"
        assert settings.profile == "big"
        return settings.user, settings.sources["store"], settings.sources["user"]

    assert load({**environ, **variables}, given) == ("option", "option --store", "option --user")
    assert load({**environ, **variables}) == ("variable", "variable FLOWSTONE_STORE", "variable FLOWSTONE_USER")
    assert load(environ) == ("project", f"{pyproject} [tool.flowstone]", f"{pyproject} [tool.flowstone]")
    pyproject.unlink()
    assert load(environ) == ("profile", str(profile), str(profile))


def test_each_setting_is_taken_from_where_it_is(project, environ):
    """A file that says one thing does not hide the others."""
    (project / "pyproject.toml").write_text('[tool.flowstone]\nstore = "/data"\n')
    settings = Settings.load(project, {**environ, "FLOWSTONE_USER": "ci"})
    assert (settings.store, settings.user) == ("/data", "ci")
    assert settings.sources["user"] == "variable FLOWSTONE_USER"


def test_the_option_of_a_profile_wins_over_the_variable(project, environ):
    """As for every setting."""
    write_profile(environ, "one", 'user = "one"')
    write_profile(environ, "two", 'user = "two"')
    both = {**environ, "FLOWSTONE_PROFILE": "one"}
    assert Settings.load(project, both).user == "one"
    assert Settings.load(project, both, {"profile": "two"}).user == "two"


def test_profiles_are_where_the_system_keeps_settings(project, environ, tmp_path):
    """`XDG_CONFIG_HOME`, where it is set."""
    file = tmp_path / "config" / "flowstone" / "big.toml"
    file.parent.mkdir(parents=True)
    file.write_text('store = "s3://bucket/store"')
    environ["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    settings = Settings.load(project, environ, {"profile": "big"})
    assert (settings.store, settings.sources["store"]) == ("s3://bucket/store", str(file))


def test_an_empty_variable_is_none(project, environ):
    """That is how a shell unsets one for a single command."""
    empty = {**environ, "FLOWSTONE_STORE": "", "FLOWSTONE_USER": "", "FLOWSTONE_PROFILE": ""}
    assert Settings.load(project, empty) == Settings.load(project, environ)


def test_a_relative_path_counts_from_where_it_was_written(project, environ, tmp_path):
    """A shell's from the working folder, a file's from its own: whoever reads it finds the same store."""
    here = Path.cwd()
    profile = write_profile(environ, "big", 'store = "data"')
    assert Settings.load(project, environ, {"store": "data"}).store == str(here / "data")
    assert Settings.load(project, {**environ, "FLOWSTONE_STORE": "data"}).store == str(here / "data")
    assert Settings.load(project, environ, {"profile": "big"}).store == str(profile.parent / "data")
    (project / "pyproject.toml").write_text('[tool.flowstone]\nstore = "data"\n')
    assert Settings.load(project / "flows", environ).store == str(project / "data")


def test_a_tilde_is_the_home(project, environ, monkeypatch):
    """A file cannot ask the shell to expand it."""
    monkeypatch.setenv("HOME", environ["HOME"])
    (project / "pyproject.toml").write_text('[tool.flowstone]\nstore = "~/store"\n')
    assert Settings.load(project, environ).store == f"{environ['HOME']}/store"
    with pytest.raises(InvalidSettingsError, match="store '~no-such-user/x' leads nowhere"):
        Settings.load(project, environ, {"store": "~no-such-user/x"})


def test_a_url_stays_as_it_is(project, environ):
    """It is no path."""
    assert Settings.load(project, environ, {"store": "s3://bucket/a/../b"}).store == "s3://bucket/a/../b"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[tool.flowstone", "it is not valid TOML: "),
        (
            "[tool.flowstone]\nstor = '/x'",
            "there is no setting 'stor'; there are store, user, cache_folder, cache_bytes, package; correct it",
        ),
        ("[tool.flowstone]\nstore = 3", "store must be a text that is not empty, not 3; correct it"),
        ("[tool.flowstone]\nstore = ''", "store must be a text that is not empty, not ''; correct it"),
        ("[tool.flowstone]\nuser = ['a']", "user must be a text that is not empty, not ['a']; correct it"),
        ("[tool]\nflowstone = 'x'", "flowstone must be a table, not 'x'; correct it"),
        ("tool = 3", "tool must be a table, not 3; correct it"),
    ],
)
def test_a_fault_in_the_project_is_named_with_its_file(project, environ, text, reason):
    """Ignoring it would store somewhere else than was meant."""
    file = project / "pyproject.toml"
    file.write_text(text)
    with pytest.raises(InvalidSettingsError) as caught:
        Settings.load(project, environ)
    assert str(caught.value).startswith(str(file))
    assert reason in str(caught.value)


def test_a_file_that_is_no_text_is_named(project, environ):
    """TOML is UTF-8."""
    (project / "pyproject.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidSettingsError, match=r"pyproject\.toml: it is not valid TOML"):
        Settings.load(project, environ)


def test_a_file_that_cannot_be_read_is_named(project, environ, monkeypatch):
    """Somebody else's, perhaps."""
    (project / "pyproject.toml").touch()

    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(InvalidSettingsError, match=r"pyproject\.toml: it cannot be read: Permission denied"):
        Settings.load(project, environ)


def test_a_fault_in_a_profile_is_named_with_its_file(project, environ):
    """As in the project's."""
    file = write_profile(environ, "big", "sotre = '/x'")
    with pytest.raises(InvalidSettingsError) as caught:
        Settings.load(project, environ, {"profile": "big"})
    assert (
        str(caught.value) == f"{file}: there is no setting 'sotre'; "
        "there are store, user, cache_folder, cache_bytes, package; correct it"
    )


def test_patterns_of_code_come_as_a_list_or_as_a_text(project, environ):
    """A TOML file has lists, a variable has a text."""
    (project / "pyproject.toml").write_text('[tool.flowstone]\npackage = ["*.sql", "a,b/**"]\n')
    assert Settings.load(project, environ).package == ("*.sql", "a,b/**")
    settings = Settings.load(project, {**environ, "FLOWSTONE_PACKAGE": "*.txt, !x.txt,"})
    assert settings.package == ("*.txt", "!x.txt")
    assert settings.sources["package"] == "variable FLOWSTONE_PACKAGE"


@pytest.mark.parametrize("value", ["3", "[1]", "['']", "{a = 1}"])
def test_patterns_that_are_none_are_refused(project, environ, value):
    """Code that silently stays at home is missed when it is too late."""
    (project / "pyproject.toml").write_text(f"[tool.flowstone]\npackage = {value}\n")
    with pytest.raises(InvalidSettingsError, match="package must be a list of patterns"):
        Settings.load(project, environ)


def test_a_profile_that_nobody_wrote_is_an_error(project, environ):
    """Falling back to the default would store somewhere else than was meant."""
    with pytest.raises(ProfileNotFoundError) as caught:
        Settings.load(project, environ, {"profile": "big"})
    file = f"{environ['HOME']}/.config/flowstone/big.toml"
    assert str(caught.value) == f"there is no profile 'big'; write {file}, or choose another profile"


def test_an_empty_option_is_an_error(project, environ):
    """`--store "$UNSET"` must not make the working folder a store."""
    with pytest.raises(InvalidSettingsError, match="option --store: store must be a text that is not empty"):
        Settings.load(project, environ, {"store": ""})


def test_other_tools_in_the_project_are_none_of_our_business(project, environ):
    """A pyproject.toml belongs to many."""
    (project / "pyproject.toml").write_text("[tool.other]\nstore = 3\n[project]\nname = 'x'\n")
    assert Settings.load(project, environ).sources["store"] == "default"


@pytest.mark.parametrize("mark", [".git", "pyproject.toml"])
def test_the_project_is_the_nearest_folder_that_is_marked(tmp_path, mark):
    """A package of a monorepo is a project of its own; `.git` may be a file, in a worktree."""
    inner = tmp_path / "outer" / "inner"
    (inner / "flows" / "deep").mkdir(parents=True)
    (tmp_path / "outer" / ".git").mkdir()
    assert project_root(inner / "flows" / "deep") == tmp_path / "outer"
    (inner / mark).touch()
    assert project_root(inner / "flows" / "deep") == inner
    assert project_root(inner) == inner


def test_without_a_mark_the_folder_itself_is_the_project(tmp_path):
    """A script on a desktop keeps its store beside it."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    if any((parent / mark).exists() for parent in folder.parents for mark in (".git", "pyproject.toml")):
        pytest.skip("the temporary folder is inside a project")
    assert project_root(folder) == folder


def test_a_flow_behind_a_link_belongs_to_the_project_that_it_is_in(project, environ, tmp_path):
    """Not to the one that the link is in."""
    (tmp_path / "link").symlink_to(project / "flows")
    assert Settings.load(tmp_path / "link", environ).project_root == project.resolve()


def test_the_user_is_who_started_it(project, environ):
    """Also behind sudo."""
    assert Settings.load(project, {"SUDO_USER": "eve", **environ}).user == "eve"
    assert Settings.load(project, {"LOGNAME": "bob", **environ}).user == "bob"
    assert Settings.load(project, {"USERNAME": "carol"}).user == "carol"


def test_without_variables_the_user_is_who_the_system_says(project, monkeypatch):
    """A service has no USER, a container's user often not even a name."""
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: pwd.struct_passwd(("dan", "", uid, 0, "", "/", "")))
    assert Settings.load(project, {}).user == "dan"

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert Settings.load(project, {}).user == f"uid-{os.getuid()}"


def test_settings_are_a_frozen_value(project, environ):
    """They are passed down, and nobody changes them on the way."""
    settings = Settings.load(project, environ)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        settings.store = "/elsewhere"
    assert settings == Settings.load(project / "flows", environ)


def test_the_cache_is_in_the_home_by_default(project, environ, tmp_path):
    """Where programs keep what they can do without."""
    settings = Settings.load(project, environ)
    assert settings.cache_folder == f"{environ['HOME']}/.cache/flowstone"
    assert settings.cache_bytes == 20 * 2**30
    xdg = {**environ, "XDG_CACHE_HOME": str(tmp_path / "xdg")}
    assert Settings.load(project, xdg).cache_folder == str(tmp_path / "xdg/flowstone")


def test_the_cache_is_set_like_everything(project, environ):
    """A size as people write it; a folder counts from where it was written; 0 switches it off."""
    (project / "pyproject.toml").write_text(
        '[tool.flowstone]\ncache_folder = "../cache"\ncache_bytes = "1.5 GB"\n'
    )
    settings = Settings.load(project, environ)
    assert settings.cache.folder == str(project / "../cache/chunks")
    assert settings.cache.max_bytes == 1_500_000_000
    variables = {**environ, "FLOWSTONE_CACHE_FOLDER": "/big", "FLOWSTONE_CACHE_SIZE": "0"}
    settings = Settings.load(project, variables)
    assert (settings.cache.folder, settings.cache.max_bytes) == ("/big/chunks", 0)
    assert settings.sources["cache_bytes"] == "variable FLOWSTONE_CACHE_SIZE"
    (project / "pyproject.toml").write_text("[tool.flowstone]\ncache_bytes = 0\n")
    assert Settings.load(project, environ).cache_bytes == 0


@pytest.mark.parametrize("size", ["much", "-1", "20 iB", "", "1e9", "20 PB GiB"])
def test_a_size_that_is_none_is_named(project, environ, size):
    """Else the cache would silently be off, or endless."""
    (project / "pyproject.toml").write_text(f'[tool.flowstone]\ncache_bytes = "{size}"\n')
    with pytest.raises(InvalidSettingsError, match=r"pyproject\.toml.*cache_bytes.*write it like '20 GiB'"):
        Settings.load(project, environ)


def test_an_executor_has_settings_of_its_own(project, environ):
    """Each is taken from the first place that has it: one may change the queue and keep the role."""
    (project / "pyproject.toml").write_text('[tool.flowstone.batch]\nqueue = "small"\niam_role = "arn:r"\n')
    settings = Settings.load(project, {**environ, "FLOWSTONE_BATCH_QUEUE": "big"})
    assert settings.executors == {"batch": {"queue": "big", "iam_role": "arn:r"}}
    assert settings.value("batch.queue") == "big"
    assert settings.sources["batch.queue"] == "variable FLOWSTONE_BATCH_QUEUE"
    assert settings.sources["batch.iam_role"].endswith("pyproject.toml [tool.flowstone]")


def test_a_table_that_is_no_executors_is_refused(project, environ):
    """A typing error would cost somebody an evening."""
    (project / "pyproject.toml").write_text('[tool.flowstone.bach]\nqueue = "small"\n')
    with pytest.raises(InvalidSettingsError, match="no setting 'bach'"):
        Settings.load(project, environ)
