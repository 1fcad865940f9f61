"""How an interpreter starts a module of ours: without the working folder, whose files may be named like ours.

`python -P` does that from Python 3.11 on. A program that is given by `-c` can do it in any, by its first words.
"""

import sys

WITHOUT_WORKING_FOLDER = "import sys;sys.path[:]=[entry for entry in sys.path if entry];"


def module_argv(module: str) -> tuple[str, ...]:
    """This interpreter and what it is told to run the module as `python -m` does; arguments may follow."""
    run = f"from runpy import run_module;run_module({module!r},run_name='__main__',alter_sys=True)"
    return (sys.executable, "-c", WITHOUT_WORKING_FOLDER + run)
