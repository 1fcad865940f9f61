"""What a flow's state machine is called: Step Functions knows fewer characters than people do."""

import hashlib
import re

_LONGEST = 64
"""Of a schedule and a rule, which have the machine's name; of a machine it is 80."""
_OTHER = re.compile(r"[^A-Za-z0-9_-]")


def machine_name(name: str) -> str:
    """The name of the state machine of a production name; different names give different ones.

    >>> machine_name("Train")
    'Train'
    >>> machine_name("credit.prod.Train")
    'credit_prod_Train-e038c733'
    """
    plain = _OTHER.sub("_", name)
    if plain == name and len(name) <= _LONGEST:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{plain[: _LONGEST - len(mark) - 1]}-{mark}"
