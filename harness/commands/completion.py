"""`completion`: what a shell needs to complete verbs, options and the names of benchmarks."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from harness.commands.outcome import Outcome

EXAMPLES = """\
examples:
  source <(./run.sh completion bash)                             in this shell; or in ~/.bashrc
  ./run.sh completion zsh > ~/.zfunc/_tflite-loadgen             a folder of your fpath
  ./run.sh completion fish > ~/.config/fish/completions/tflite-loadgen.fish
"""
SHELLS = ("bash", "zsh", "fish")
_PROGRAMS = ("tflite-loadgen", "run.sh", "./run.sh")
_FISH_VERB = """\
function __tflite_loadgen_verb
  set -l words (commandline -opc)
  set -l verb "$words[2]"
  if test (count $words) = 1; and string match -q -- '-*' (commandline -ct); or string match -q -- '-*' "$verb"
    set verb run
  end
  if test "$verb" = help; and test (count $words) -gt 2
    return 1
  end
  contains -- "$verb" $argv
end"""
"""Whether the command line's verb is one of those named, "" that none is written yet: `run` where an option comes first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which shell."""
    parser.add_argument("shell", choices=SHELLS, help="bash, zsh or fish")


def main(arguments: argparse.Namespace) -> Outcome:
    """Writes the script."""
    text = script(arguments.shell, arguments.options_by_verb(), _tasks())
    return Outcome(0, text, {"shell": arguments.shell, "script": text}, as_it_is=True)


def _tasks() -> list[str]:
    from harness.config.files import benchmark_names

    return sorted(benchmark_names())


def script(shell: str, options: Mapping[str, Sequence[str]], tasks: Sequence[str]) -> str:
    """The script of a shell.

    Args:
        shell: One of `SHELLS`.
        options: Of each verb.
        tasks: What `--task` takes by name.
    """
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](options, tasks)


def _bash(options: Mapping[str, Sequence[str]], tasks: Sequence[str]) -> str:
    cases = "\n".join(f'    {verb}) words="{" ".join(found)}" ;;' for verb, found in options.items())
    return f"""\
_tflite_loadgen() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" verb="${{COMP_WORDS[1]}}" words=""
  if [ "$before" = --task ]; then
    COMPREPLY=($(compgen -W "{" ".join(tasks)}" -- "$word") $(compgen -f -- "$word"))
    return
  fi
  if {{ [ "$COMP_CWORD" = 1 ] && [ "${{word#-}}" = "$word" ]; }} || [ "$COMP_CWORD $verb" = "2 help" ]; then
    COMPREPLY=($(compgen -W "help {" ".join(options)}" -- "$word"))
    return
  fi
  case "$verb" in -*) verb=run ;; esac
  case "$verb" in
{cases}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}}
complete -o filenames -F _tflite_loadgen {" ".join(_PROGRAMS)}"""


def _zsh(options: Mapping[str, Sequence[str]], tasks: Sequence[str]) -> str:
    cases = "\n".join(f"    {verb}) found=({' '.join(found)}) ;;" for verb, found in options.items())
    return f"""\
#compdef {" ".join(_PROGRAMS)}
_tflite_loadgen() {{
  local verb="${{words[2]}}" word="${{words[CURRENT]}}"
  local -a found
  if [[ "${{words[CURRENT-1]}}" == --task ]]; then
    compadd -- {" ".join(tasks)}
    _files
    return
  fi
  if [[ $CURRENT == 2 && "$word" != -* || "$CURRENT $verb" == "3 help" ]]; then
    compadd -- help {" ".join(options)}
    return
  fi
  [[ "$verb" == -* ]] && verb=run
  case "$verb" in
{cases}
  esac
  if [[ "$word" == -* ]]; then compadd -- $found; else _files; fi
}}
if [[ "$zsh_eval_context[-1]" == loadautofunc ]]; then
  _tflite_loadgen "$@"
else
  compdef _tflite_loadgen {" ".join(_PROGRAMS)}
fi"""


def _fish(options: Mapping[str, Sequence[str]], tasks: Sequence[str]) -> str:
    lines = [_FISH_VERB]
    # Fish knows a program by its name alone, however its path is written.
    for program in dict.fromkeys(each.rpartition("/")[2] for each in _PROGRAMS):
        begin = f"complete -c {program}"
        lines.append(f"{begin} -n '__tflite_loadgen_verb \"\" help' -f -a 'help {' '.join(options)}'")
        for verb, found in options.items():
            condition = f"-n '__tflite_loadgen_verb {verb}'"
            if "--task" in found:
                lines.append(f"{begin} {condition} -l task -r -a '{' '.join(tasks)}'")
            lines += [
                f"{begin} {condition} -{'l' if name.startswith('--') else 's'} {name.lstrip('-')}"
                for name in found
                if name != "--task"
            ]
    return "\n".join(lines)
