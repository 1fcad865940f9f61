"""Retry strategies, as AWS Batch reads them."""

from hypothesis import given
from hypothesis import strategies as st

from flowstone_sandbox.batch.retry import Outcome, RetryStrategy

TEXTS = st.text("ab*", max_size=3)
RULES = st.fixed_dictionaries(
    {"action": st.sampled_from(["RETRY", "exit"])},
    optional={"onReason": TEXTS, "onExitCode": st.sampled_from(["1", "1*", "*", "2"]), "onStatusReason": TEXTS},
)
OUTCOMES = st.builds(Outcome, st.none() | st.integers(1, 20), st.none() | TEXTS, TEXTS)


@given(st.integers(1, 10), st.lists(RULES, max_size=5), OUTCOMES)
def test_no_job_is_tried_more_often_than_allowed(attempts, rules, outcome):
    """Whatever the rules say."""
    strategy = RetryStrategy.parse({"attempts": attempts, "evaluateOnExit": rules})
    assert not strategy.tries_again(attempts, outcome)


@given(st.lists(RULES, max_size=5), OUTCOMES)
def test_the_first_rule_that_holds_decides(rules, outcome):
    """And where none holds, a failed job is tried again."""

    def holds(rule):
        said = {
            "onReason": outcome.reason or "",
            "onExitCode": "" if outcome.exit_code is None else str(outcome.exit_code),
            "onStatusReason": outcome.status_reason,
        }
        for name, text in said.items():
            pattern = rule.get(name)
            if pattern is not None and not (
                text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
            ):
                return False
        return True

    expected = next((rule["action"] == "RETRY" for rule in rules if holds(rule)), True)
    strategy = RetryStrategy.parse({"attempts": 2, "evaluateOnExit": rules})
    assert strategy.tries_again(1, outcome) == expected
    assert RetryStrategy.parse(strategy.as_json()) == strategy
