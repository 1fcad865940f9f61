"""`flowstone completion`: what a shell needs to complete our commands with the tab key.

click answers the shell's questions (its documentation, "Shell Completion"): a program that is started
with `_FLOWSTONE_COMPLETE=bash_complete` and the words typed so far prints what may come next.
"""

import click
from click.shell_completion import get_completion_class

from flowstone_runtime.command_line.group import COMPLETION_VARIABLE

_PYTHON = {
    "bash": """
# For `python FLOW.py ...`; any other program gets what it always got.
_flowstone_python_completion() {
    local file="${COMP_WORDS[1]}"
    if (( COMP_CWORD > 1 )) && [[ -f "$file" ]] && grep -q flowstone "$file"; then
        local words="${COMP_WORDS[*]:1}" word
        local IFS=$'\\n'
        COMPREPLY=()
        local position=$((COMP_CWORD - 1))
        for word in $(COMP_WORDS="$words" COMP_CWORD=$position %(variable)s=bash_complete "$1" "$file"); do
            [[ "$word" == plain,* ]] && COMPREPLY+=("${word#plain,}")
        done
    fi
}
complete -o bashdefault -o default -F _flowstone_python_completion python python3
""",
    "zsh": """
# For `python FLOW.py ...`; any other program gets what it always got.
_flowstone_python_completion() {
    local file="${words[2]}"
    if (( CURRENT > 2 )) && [[ -f "$file" ]] && grep -q flowstone "$file"; then
        local -a found
        local kind value text
        COMP_WORDS="${words[*]:1}" COMP_CWORD=$((CURRENT - 2)) %(variable)s=zsh_complete \\
            "${words[1]}" "$file" | while read -r kind && read -r value && read -r text; do
            [[ "$kind" == plain ]] && found+=("$value")
        done
        (( $#found )) && compadd -- $found && return
    fi
    _default
}
compdef _flowstone_python_completion python python3
""",
    "fish": """
# For `python FLOW.py ...`; any other program gets what it always got.
function _flowstone_python_completion
    set -l words (commandline -opc)
    set -l file $words[2]
    test -f "$file"; and grep -q flowstone "$file"; or return
    COMP_WORDS="$words[2..] "(commandline -ct) COMP_CWORD=(commandline -t) %(variable)s=fish_complete \\
        $words[1] $file | while read -l line
        string match -q 'plain,*' -- $line; and string replace 'plain,' '' -- $line
    end
end
complete -c python -c python3 -a '(_flowstone_python_completion)'
""",
}


@click.command()
@click.argument("shell", type=click.Choice(sorted(_PYTHON)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what SHELL needs to complete `flowstone ...` and `python FLOW.py ...` with the tab key.

    Put `eval "$(flowstone completion bash)"` into ~/.bashrc, or the like for your shell.
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click knows these shells"
    click.echo(kind(ctx.find_root().command, {}, "flowstone", COMPLETION_VARIABLE).source())
    click.echo(_PYTHON[shell] % {"variable": COMPLETION_VARIABLE})
