import pytest

from flowstone_runtime.code.patterns import CodePatterns, suffix_patterns


@pytest.mark.parametrize(
    ("pattern", "taken", "not_taken"),
    [
        ("*.sql", ("a.sql", "x/y/a.sql", ".hidden/a.sql"), ("a.sql.txt", "asql")),
        ("/*.sql", ("a.sql",), ("x/a.sql",)),
        ("templates/**", ("templates/a", "templates/b/c.html"), ("templates", "x/templates/a")),
        ("templates/", ("x/templates/a", "templates/b/c"), ("templates",)),
        ("a/**/b?.txt", ("a/b1.txt", "a/x/y/b2.txt"), ("a/b.txt", "a/b/1.txt")),
        ("a+(b).txt", ("a+(b).txt",), ("aab.txt",)),
    ],
)
def test_a_pattern_means_what_git_users_expect(pattern, taken, not_taken) -> None:
    """Nobody learns another language of patterns."""
    patterns = CodePatterns.of([pattern])
    assert [path for path in (*taken, *not_taken) if patterns.takes(path)] == list(taken)


def test_the_last_pattern_that_fits_counts() -> None:
    """An exception of an exception can be written."""
    patterns = CodePatterns.of(["data/**", "!data/raw/**", "data/raw/schema.json"])
    assert patterns.takes("data/a")
    assert not patterns.takes("data/raw/a")
    assert patterns.takes("data/raw/schema.json")
    assert patterns.leaves_out("data/raw/a")
    assert not patterns.leaves_out("elsewhere")
    assert patterns.exact == ("data/raw/schema.json",)


def test_suffixes_are_patterns_below_the_flow() -> None:
    """As people write them: with and without a dot."""
    assert suffix_patterns(".sql,txt,", ".") == ("/**/*.sql", "/**/*.txt")
    patterns = CodePatterns.of(suffix_patterns(".sql", "flows"))
    assert patterns.takes("flows/a.sql")
    assert patterns.takes("flows/deep/a.sql")
    assert not patterns.takes("other/a.sql")
