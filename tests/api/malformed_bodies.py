"""Bodies that cannot be right, made from one that is."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.api.support import as_json

MARK = "§"
"""Stands in whatever is typed wrongly here: no answer may repeat it. Nothing that the platform says has it."""
NESTED = "nested"


def changed(body: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The body with another value at a place."""
    copy = deepcopy(dict(body))
    place = copy
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return copy


def places(body: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every place of a body and what is there."""
    for name, value in body.items():
        yield (*above, name), value
        if isinstance(value, dict):
            yield from places(value, (*above, name))


@dataclass(frozen=True)
class Malformed:
    """A body that cannot be right, and what about it."""

    about: str
    content: bytes


def with_value(body: Mapping[str, Any], path: tuple[str, ...], value: Any) -> Malformed:
    about = f"{'.'.join(path)} = {value!r}"
    return Malformed(about if len(about) < 100 else f"{about[:100]}…", as_json(changed(body, path, value)))


def not_json(_: Mapping[str, Any]) -> Iterator[Malformed]:
    contents = [b"", b"{", b'{"a":', b'{"a": "\xff\xfe"}', b"name=value", b"\x00", b"{}{}", b"{'a': 1}"]
    contents += [f"{MARK}{MARK}".encode(), f'{{"{MARK}": 1,}}'.encode(), b'{"a": ' + b"9" * 5000 + b"}"]
    yield from (Malformed(str(content[:20]), content) for content in contents)


def another_kind_of_json(_: Mapping[str, Any]) -> Iterator[Malformed]:
    for text in ("[]", "null", "true", "1", "1e400", "NaN", f'"{MARK}"', f'["{MARK}"]'):
        yield Malformed(text, text.encode())


def wrong_types(body: Mapping[str, Any]) -> Iterator[Malformed]:
    """Every field, at any depth, with what it cannot be."""
    for path, value in places(body):
        if path[-1] == "value":
            wrong: list[Any] = [[], {}, None, [MARK], 1.5, float("nan"), float("inf")]
        elif isinstance(value, dict):
            wrong = [[], [MARK], MARK, 7, True]
        elif isinstance(value, list):
            wrong = [{}, {MARK: MARK}, MARK, 7, True, None, [MARK], [7], [None], [[]], [{}]]
        else:
            wrong = [[], {}, [MARK], {MARK: MARK}, 1.5, float("nan"), -(10**400)]
            wrong += [MARK, "1", True] if isinstance(value, int) else []
            wrong += [True, 7] if isinstance(value, str) else []
        yield from (with_value(body, path, value) for value in wrong)


def extra_fields(body: Mapping[str, Any]) -> Iterator[Malformed]:
    yield with_value(body, ("extra",), MARK)
    yield with_value(body, ("__proto__",), {"x": MARK})
    for path, value in places(body):
        if isinstance(value, dict) and path != ("facts",):
            yield with_value(body, (*path, "extra"), MARK)


LIMITS = {
    ("civil_id",): 30,
    ("role",): 60,
    ("name", "ar"): 4000,
    ("name", "en"): 4000,
    ("reason", "ar"): 4000,
    ("reason", "en"): 4000,
    ("email",): 254,
    ("mobile",): 20,
    ("mother_civil_id",): 30,
    ("father_civil_id",): 30,
    ("holder_id",): 36,
    ("until",): 40,
    ("channel",): 10,
    ("code",): 6,
    ("kind",): 20,
    ("service_id",): 61,
    ("source",): 41,
    ("number",): 80,
    ("form", "kiosk"): 40,
    ("facts", "driving_licence_expires_on", "source"): 41,
    ("facts", "driving_licence_expires_on", "value"): 200,
}


def too_long(body: Mapping[str, Any]) -> Iterator[Malformed]:
    present = dict(places(body))
    for path, limit in LIMITS.items():
        if path in present:
            yield with_value(body, path, "a" * (limit + 1))
            yield with_value(body, path, MARK * 100_000)
    if "facts" in body:
        fact = body["facts"]["unpaid_traffic_fines_fils"]
        yield with_value(body, ("facts", "a" * 62), fact)
        yield with_value(body, ("facts",), {f"fact_{number}": fact for number in range(51)})
    if "form" in body:
        yield with_value(body, ("form",), {f"field_{number}": 1 for number in range(201)})


def too_deep(body: Mapping[str, Any]) -> Iterator[Malformed]:
    """Brackets by the thousand, whole and as a field; all well below a mebibyte."""
    for depth in (100, 300, 2_000, 100_000):
        yield Malformed(f"{depth} arrays", b"[" * depth + b"]" * depth)
        yield Malformed(f"{depth} objects", b'{"a":' * depth + b"1" + b"}" * depth)
        for path, _ in places(body):
            marked = as_json(changed(body, path, NESTED))
            content = marked.replace(f'"{NESTED}"'.encode(), b"[" * depth + b"]" * depth)
            yield Malformed(f"{'.'.join(path)} = {depth} arrays", content)


def texts_with(character: str) -> Callable[[Mapping[str, Any]], Iterator[Malformed]]:
    def contents(body: Mapping[str, Any]) -> Iterator[Malformed]:
        for path, value in places(body):
            if isinstance(value, str):
                yield with_value(body, path, character)
                yield with_value(body, path, f"{value}{character}")
                yield with_value(body, path, f"{value[:2]}{character}{value[2:]}")
            elif isinstance(value, dict):
                first = next(iter(value.values()))
                yield with_value(body, (*path, f"a{character}b"), first)

    return contents


Family = Callable[[Mapping[str, Any]], Iterator[Malformed]]
FAMILIES: Mapping[str, Family] = {
    "not JSON": not_json,
    "another kind of JSON": another_kind_of_json,
    "a wrong type": wrong_types,
    "an extra field": extra_fields,
    "too long a text": too_long,
    "too deep": too_deep,
    "a NUL": texts_with("\x00"),
    "a lone high surrogate": texts_with("\ud800"),
    "a lone low surrogate": texts_with("\udfff"),
}
HARMFUL = ("a NUL", "a lone high surrogate", "a lone low surrogate")
"""In texts that the platform hands on: sent so that nothing happens should they be let in."""
