"""Log lines for people: what our processes write as JSON, in one compact line each."""

import json
from collections.abc import Mapping
from datetime import datetime

RESET = "\x1b[0m"
NAME_COLOURS = ("\x1b[36m", "\x1b[35m", "\x1b[32m", "\x1b[34m", "\x1b[33m", "\x1b[96m", "\x1b[95m", "\x1b[92m")
LEVEL_COLOURS = {"debug": "\x1b[2m", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}


def render(line: str, *, colour: bool) -> str:
    """`HH:MM:SS level event key=value…` in local time, and below it the `frames` of a fault, one a line.

    A line that is not a JSON object with `event`, `level` and `timestamp` stays as it is. In the others, what could
    steer a terminal is escaped: log lines quote what strangers have sent.
    """
    match _parse(line):
        case {"timestamp": str(timestamp), "level": str(level), "event": str(event), **rest}:
            rest.pop("service", None)  # whose line it is stands before it
            frames = rest.pop("frames", [])
            head = " ".join([_clock(timestamp), f"{level:<7}", _printable(event), *_pairs(rest)])
            text = "\n".join([head, *_indented(frames)])
            return _coloured(text, LEVEL_COLOURS.get(level)) if colour else text
        case _:
            return line


def prefix(name: str, *, width: int, index: int, colour: bool) -> str:
    """What every line of a program begins with; programs with neighbouring indices differ in colour."""
    text = f"{name:<{width}} | "
    return _coloured(text, NAME_COLOURS[index % len(NAME_COLOURS)]) if colour else text


def _parse(line: str) -> object:
    if not line.startswith("{"):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None


def _clock(timestamp: str) -> str:
    try:
        return datetime.fromisoformat(timestamp).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return _printable(timestamp)


def _pairs(fields: Mapping[object, object]) -> list[str]:
    return [f"{_printable(str(key))}={_value(value)}" for key, value in fields.items()]


def _value(value: object) -> str:
    if isinstance(value, str) and value.isprintable() and value and not set(value) & set(' ="'):
        return value
    return _printable(json.dumps(value, ensure_ascii=False))


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)


def _indented(lines: object) -> list[str]:
    return [f"    {_printable(str(line))}" for line in lines] if isinstance(lines, list) else []


def _coloured(text: str, colour: str | None) -> str:
    return f"{colour}{text}{RESET}" if colour else text
