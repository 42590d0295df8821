"""Whether a condition can be met by anybody: tried, where trying a few values of each fact tries all that matters."""

import re
from collections.abc import Sequence
from itertools import product
from typing import Any

from services.requests.domain.definition import Condition
from services.requests.domain.rulebook import FACTS, RULEBOOK
from services.requests.domain.rules import Verdict

MOST_TRIES = 4096
_LITERAL = r"""(?:-?\d+|'[^'\\]*'|"[^"\\]*")"""
_NAME = r"[a-z][a-z0-9_]*"
_COMPARISON = re.compile(
    rf"{_NAME}\s*(?:[<>]=?|[=!]=)\s*{_LITERAL}"
    rf"|{_LITERAL}\s*(?:[<>]=?|[=!]=)\s*{_NAME}"
    rf"|{_LITERAL}\s*(?:[<>]=?|[=!]=)\s*{_LITERAL}"
    rf"|{_NAME}\s+in\s+\[\s*{_LITERAL}(?:\s*,\s*{_LITERAL})*\s*\]"
)
_CONNECTED = re.compile(rf"(?:{_NAME}|true|false|&&|\|\||!|[()\s])*")


def is_never_met(condition: Condition) -> bool:
    """Whether nobody can meet it. Said only of what can be known: each fact compared with fixed values, and nothing
    else; of any other condition it is never said.
    """
    if not _CONNECTED.fullmatch(_COMPARISON.sub("true", condition.expression)):
        return False
    values = [_values_of(fact, condition.expression) for fact in condition.reads]
    tries = 1
    for of_one in values:
        tries *= len(of_one)
    if not 0 < tries <= MOST_TRIES:
        return False
    verdicts = (
        RULEBOOK.verdict(condition, dict(zip(condition.reads, given, strict=True))) for given in product(*values)
    )
    return all(verdict is Verdict.FAILED for verdict in verdicts)


def _values_of(fact: str, expression: str) -> Sequence[Any]:
    """One value on each side of, and at, whatever the fact may be compared with; none for days, which are not fixed."""
    match FACTS[fact].type:
        case "bool":
            return (True, False)
        case "int":
            said = [int(number) for number in re.findall(r"-?\d+", expression)] or [0]
            return sorted({number + step for number in said for step in (-1, 0, 1)})
        case "string":
            said_words = re.findall(r"""'([^'\\]*)'|"([^"\\]*)\"""", expression)
            return [*sorted({single or double for single, double in said_words}), "-"]
        case _:
            return ()
