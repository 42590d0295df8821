"""Hypothesis strategies: values of any type that messages, events and states are made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.contracts.personal import Erased
from shared.kernel.text import LocalizedText

Strategy: TypeAlias = st.SearchStrategy[Any]

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=30)
PHRASES = WORDS.map(str.strip).filter(bool)
IDS = st.uuids(version=4)
DATES = st.dates(date(1900, 1, 1), date(2100, 12, 31))
INSTANTS = st.integers(0, 4_000_000_000_000_000).map(lambda micros: EPOCH + timedelta(microseconds=micros))
INTEGERS = st.integers(-(2**62), 2**62)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | WORDS,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(WORDS, values, max_size=3),
    max_leaves=5,
)
_LEAVES: Mapping[Any, Strategy] = {
    Any: JSON_VALUES,
    str: WORDS,
    int: INTEGERS,
    bool: st.booleans(),
    UUID: IDS,
    date: DATES,
    datetime: INSTANTS,
    NoneType: st.none(),
    LocalizedText: st.builds(LocalizedText, ar=PHRASES, en=PHRASES),
}


def generated(hint: Any, pools: Mapping[Any, Strategy] = {}) -> Strategy:
    """Values of a type; `pools` has other strategies for some types or for fields of some names."""
    if hint in pools:
        return pools[hint]
    if hint in _LEAVES:
        return _LEAVES[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return generated(arguments[0], pools)
    if origin in (Union, UnionType):
        return st.one_of(*(generated(part, pools) for part in arguments if part is not Erased))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (list, Sequence, Iterable):
        return st.lists(generated(arguments[0], pools), max_size=3)
    if origin is tuple:
        return st.lists(generated(arguments[0], pools), max_size=3).map(tuple)
    if origin in (dict, Mapping):
        return st.dictionaries(*(generated(part, pools) for part in arguments), max_size=3)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    return _built(hint, pools)


def _built(cls: Any, pools: Mapping[Any, Strategy]) -> Strategy:
    hints = get_type_hints(cls, include_extras=True)
    names = [part.name for part in fields(cls)] if is_dataclass(cls) else list(cls.model_fields)
    assert is_dataclass(cls) or issubclass(cls, BaseModel)
    parts = {name: pools[name] if name in pools else generated(hints[name], pools) for name in names}
    return st.builds(cls, **parts)
