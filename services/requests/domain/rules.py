"""Eligibility rules in CEL (Google's Common Expression Language), over facts that are typed and named."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from functools import cache
from typing import Any

from cel_expr_python import cel

from services.requests.domain.definition import Condition, FactType, Rule
from shared.kernel.clock import KUWAIT

_TYPES: Mapping[FactType, cel.Type] = {
    "int": cel.Type.INT,
    "string": cel.Type.STRING,
    "bool": cel.Type.BOOL,
    "date": cel.Type.TIMESTAMP,
    "instant": cel.Type.TIMESTAMP,
}


class Verdict(StrEnum):
    """How a rule comes out. `undecided`: a fact is missing or the rule is at fault; never taken for a no."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Ruling:
    """A verdict, and the facts that it rests on as they were."""

    rule: Rule
    verdict: Verdict
    facts: Mapping[str, Any]


class RuleBook:
    """Compiles and evaluates rules over a vocabulary of facts."""

    def __init__(self, vocabulary: Mapping[str, FactType]) -> None:
        self._vocabulary = vocabulary
        self._compiled = cache(self._compile)

    def fault(self, condition: Condition) -> str | None:
        """Why a condition cannot be right, in the words of the compiler; None for one that compiles."""
        try:
            self._compiled(condition.expression, tuple(condition.reads))
        except ValueError as error:
            return str(error)
        return None

    def judge(self, rule: Rule, facts: Mapping[str, Any]) -> Ruling:
        """Evaluates one rule, and keeps the facts that it has read."""
        read = {name: facts[name] for name in rule.reads if name in facts}
        return Ruling(rule, self.verdict(rule, read), read)

    def verdict(self, condition: Condition, facts: Mapping[str, Any]) -> Verdict:
        """Evaluates a condition on the facts that it reads, and on no others."""
        read = {name: facts[name] for name in condition.reads if name in facts}
        try:
            return self._evaluate(condition, read)
        except Exception:  # whatever is wrong with a rule or a fact, it is no reason to turn somebody away
            return Verdict.UNDECIDED

    def _evaluate(self, rule: Condition, facts: Mapping[str, Any]) -> Verdict:
        environment, expression = self._compiled(rule.expression, tuple(rule.reads))
        values = {name: self._value(name, value) for name, value in facts.items()}
        result = expression.eval(environment.Activation(values))
        if result.type() != cel.Type.BOOL:
            return Verdict.UNDECIDED
        return Verdict.PASSED if result.value() else Verdict.FAILED

    def _compile(self, expression: str, reads: tuple[str, ...]) -> tuple[cel.Env, cel.Expression]:
        environment = cel.NewEnv(variables={name: _TYPES[self._vocabulary[name]] for name in reads})
        try:
            compiled = environment.compile(expression)
        except Exception as error:  # the library raises its own kinds, and says where in the text
            raise ValueError(str(error)) from None
        if compiled.return_type() != cel.Type.BOOL:
            raise ValueError("a rule gives true or false")
        return environment, compiled

    def _value(self, name: str, value: Any) -> Any:
        """A fact as CEL takes it: a date is its first moment in Kuwait."""
        kind = self._vocabulary[name]
        if isinstance(value, bool) is not (kind == "bool"):
            raise ValueError(f"{name} is of type {kind}")
        if kind == "date":
            day = value if isinstance(value, date) else date.fromisoformat(value)
            return datetime.combine(day, time(), tzinfo=KUWAIT)
        if kind == "instant" and isinstance(value, str):
            return datetime.fromisoformat(value)
        return value
