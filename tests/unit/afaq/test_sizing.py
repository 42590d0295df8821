"""What a load needs: never less for more, and as documented."""

import json
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from afaq.cli import app
from afaq.services import NAMES
from afaq.sizing import Load, Size, figures, size

PROJECT = Path(__file__).parents[3]
LOADS = st.builds(
    Load,
    transactions_per_day=st.floats(1, 1e8),
    peak_factor=st.floats(1, 100),
    persons=st.floats(0, 1e9),
    years=st.floats(0, 30),
)


@given(one=LOADS, other=LOADS)
def test_more_never_needs_less(one: Load, other: Load) -> None:
    more = Load(*(max(pair) for pair in zip(astuple(one), astuple(other), strict=True)))
    assert all(a <= b for a, b in zip(_numbers(size(one)), _numbers(size(more)), strict=True))


@given(load=LOADS)
def test_what_keeps_working_while_one_is_away_is_always_there(load: Load) -> None:
    needed = size(load)
    assert needed.brokers >= 3
    assert needed.partitions % 6 == 0
    assert needed.services.keys() == set(NAMES)
    for service in needed.services.values():
        assert 2 <= service.worker_processes <= needed.partitions
        assert service.api_processes >= 2


def test_disks_last_for_the_years_alone() -> None:
    one, ten = (size(Load(70_000, 30, 0, years)) for years in (1, 10))
    assert ten.services["requests"].database_gb > 9 * one.services["requests"].database_gb
    assert ten.services["requests"].database_cores == one.services["requests"].database_cores


def test_examples_come_out_as_documented(monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    page = (PROJECT / "docs/operations/sizing.md").read_text()
    examples = [block.partition("\n\n")[::2] for block in page.split("```text\n$ afaq ")[1:]]
    assert examples
    for command, rest in examples:
        said = CliRunner().invoke(app, command.split())
        assert said.output.strip() == rest.partition("```")[0].strip()


@pytest.mark.parametrize("name", NAMES)
def test_what_a_transaction_takes_is_what_the_benchmark_has_measured(name: str) -> None:
    measured = _samples("transaction")["afaq"]["cpu_ms"]
    for figure, group in (("cpu_ms_per_transaction", name), ("database_cpu_ms_per_transaction", f"postgres: {name}")):
        assert figures()[figure][name]["value"] == pytest.approx(measured[group], rel=0.01)


def test_what_is_written_and_published_is_what_the_benchmarks_have_measured() -> None:
    written = _samples("transaction")["afaq"]["figures"]["WAL KB"] * 1000
    assert figures()["wal_bytes_per_transaction"]["value"] == pytest.approx(written, rel=0.01)
    published = _samples("relay")["relay"]["figures"]["per second"]
    assert figures()["relay_events_per_second"]["value"] == pytest.approx(published, rel=0.01)


def _samples(scenario: str) -> dict[str, Any]:
    """A benchmark's first round, by the system."""
    found = json.loads((PROJECT / f"docs/benchmarks/{scenario}.json").read_text(encoding="utf-8"))["samples"]
    return {sample["system"]: sample for sample in reversed(found)}


def test_every_figure_says_where_it_is_from() -> None:
    said = [figure for group in figures().values() for figure in ([group] if "value" in group else group.values())]
    assert said
    for figure in said:
        assert figure["source"] == "assumed" or (PROJECT / figure["source"]).is_file()


def _numbers(needed: Size) -> list[float]:
    shared = (needed.brokers, needed.kafka_cores, needed.kafka_gb, needed.partitions, needed.wal_mb_per_second)
    return [*shared, *(n for name in NAMES for n in astuple(needed.services[name]))]
