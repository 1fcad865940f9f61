"""What runs where the tasks of a far executor run: programs that need a bare Python and nothing else.

Their source travels in a command (`program_argv`), so they import the standard library and each other only.
"""

from flowstone_executors.node.program import program_argv

__all__ = ["program_argv"]
