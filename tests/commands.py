"""Whether words are a command of `afaq`, with options and arguments that it has."""

from collections.abc import Sequence
from typing import Any

import typer

from afaq.cli import app

LEFT_OUT = "MissingParameter"  # typer keeps the class of this to itself


def assert_is_a_command(words: Sequence[str]) -> None:
    """Has click read the words, without doing what they say."""
    command, rest = _found(words)
    assert not hasattr(command, "commands"), f"{command.name} {rest}"
    if error := _refusal(command, rest):
        raise AssertionError(f"{command.name} {rest}: {error}")


def assert_names_a_command(words: Sequence[str]) -> None:
    """As above for words of a sentence, which may leave out what a command, an option or a group of commands needs."""
    command, rest = _found(words)
    if hasattr(command, "commands"):
        assert not rest, rest
        return
    takes_more = {name for option in command.params if not getattr(option, "is_flag", True) for name in option.opts}
    if rest and rest[-1] in takes_more:
        rest = [*rest, "1"]
    error = _refusal(command, rest)
    if type(error).__name__ == LEFT_OUT:
        assert command.make_context(command.name, list(rest), resilient_parsing=True).args == [], rest
    elif error is not None:
        raise AssertionError(f"{command.name} {rest}: {error}")


def _found(words: Sequence[str]) -> tuple[Any, Sequence[str]]:
    """The command, or the group of them, and the words that follow its name."""
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        name, *words = words
        assert name in command.commands, name
        command = command.commands[name]
    return command, words


def _refusal(command: Any, words: Sequence[str]) -> Exception | None:
    try:
        command.make_context(command.name, list(words))
    except Exception as error:
        return error
    return None
