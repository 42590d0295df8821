"""The tables of a service, read from its own migrations: keys, defaults, and columns that PostgreSQL generates."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

KIT = Path("shared/store/migrations")
AGGREGATE = ("id", "version", "shape", "state", "sealed", "correlation_id", "updated_at")


@dataclass
class TableShape:
    """What matters of a table. `generated` computes a column from the row's state."""

    name: str
    key: Sequence[str] = ()
    columns: dict[str, Any] = field(default_factory=dict)
    """Each column's default."""
    generated: dict[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    unique: list[str] = field(default_factory=list)


def read_schema(service: str) -> dict[str, TableShape]:
    """The tables after all migrations of the kit and of the service."""
    tables: dict[str, TableShape] = {}
    for folder in (KIT, Path("services") / service / "migrations"):
        for file in sorted(folder.glob("*.sql")):
            for statement in _statements(file.read_text(encoding="utf-8")):
                _apply(statement, tables)
    return tables


def _statements(text: str) -> list[str]:
    without = re.sub(r"--[^\n]*", "", text)
    without = re.sub(r"\$\$.*?\$\$", "''", without, flags=re.DOTALL)
    return [part.strip() for part in without.split(";") if part.strip()]


def _apply(statement: str, tables: dict[str, TableShape]) -> None:
    if made := re.match(r"create table (\w+) \((.*)\)", statement, re.DOTALL):
        table = tables[made[1]] = TableShape(made[1])
        for part in _parts(made[2]):
            _column(part, table)
    elif changed := re.match(r"alter table (\w+)(.*)", statement, re.DOTALL):
        for part in _parts(changed[2]):
            _column(re.sub(r"^add column ", "", part.strip()), tables[changed[1]])
    elif found := re.match(r"create unique index \w+ on (\w+) \((\w+)\)", statement):
        tables[found[1]].unique.append(found[2])


def _parts(text: str) -> list[str]:
    """What is between commas, brackets kept whole."""
    parts, depth, begin = [], 0, 0
    for position, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append(text[begin:position].strip())
            begin = position + 1
        if depth < 0:
            return [*parts, text[begin:position].strip()]
    return [*parts, text[begin:].strip()]


def _column(text: str, table: TableShape) -> None:
    if text.startswith("like aggregates"):
        table.key = ("id",)
        table.columns.update(dict.fromkeys(AGGREGATE))
        return
    if key := re.match(r"primary key \(([^)]*)\)", text):
        table.key = tuple(column.strip() for column in key[1].split(","))
        return
    if re.match(r"(unique|check)\b", text):
        return
    name = text.split(maxsplit=1)[0]
    table.columns[name] = _default(text)
    if "primary key" in text:
        table.key = (name,)
    if generated := re.search(r"generated always as \((.*)\) stored", text):
        table.generated[name] = _generator(generated[1])


def _default(text: str) -> Any:
    found = re.search(r"default ('([^']*)'|true|false|\d+)", text)
    if found is None:
        return None
    return found[2] if found[2] is not None else {"true": True, "false": False}.get(found[1], found[1])


def _generator(expression: str) -> Callable[[Mapping[str, Any]], Any]:
    path, is_id = re.findall(r"'(\w+)'", expression), "::uuid" in expression

    def value(state: Mapping[str, Any]) -> Any:
        found: Any = state
        for name in path:
            found = None if found is None else found.get(name)
        return UUID(found) if is_id and found is not None else found

    return value
