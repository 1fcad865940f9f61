"""Step Functions: moto's interpreter of the Amazon States Language, with what it gets wrong put right.

Each file here holds one kind of repair, and says what was wrong. All are applied once, when somebody first asks
for state machines: the interpreter takes seconds to load.
"""

from flowstone_sandbox.step_functions.repairs import Repairs

__all__ = ["Repairs"]
