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
  if [ "$COMP_CWORD" = 1 ] && [ "${{word#-}}" = "$word" ]; then
    COMPREPLY=($(compgen -W "{" ".join(options)}" -- "$word"))
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
  if (( CURRENT == 2 )) && [[ "$word" != -* ]]; then
    compadd -- {" ".join(options)}
    return
  fi
  [[ "$verb" == -* ]] && verb=run
  case "$verb" in
{cases}
  esac
  if [[ "$word" == -* ]]; then compadd -- $found; else _files; fi
}}
if [ "$funcstack[1]" = _tflite_loadgen ]; then _tflite_loadgen "$@"; else compdef _tflite_loadgen {" ".join(_PROGRAMS)}; fi"""


def _fish(options: Mapping[str, Sequence[str]], tasks: Sequence[str]) -> str:
    lines = []
    for program in ("tflite-loadgen", "run.sh"):
        lines.append(f"complete -c {program} -n __fish_use_subcommand -a '{' '.join(options)}'")
        lines.append(f"complete -c {program} -l task -x -a '{' '.join(tasks)}'")
        for verb, found in options.items():
            condition = f"__fish_seen_subcommand_from {verb}"
            lines += [
                f"complete -c {program} -n '{condition}' -l {name[2:]}" for name in found if name.startswith("--")
            ]
    return "\n".join(lines)
