"""What the benchmarks count with: percentiles, ratios within a round, CPU time, arrivals that wait for nobody."""

import asyncio
import os
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest

from benchmarks import gate
from benchmarks.cpu import LOAD, OTHERS, Accounts, Usage, summed
from benchmarks.figures import Sample, Spread, latencies, percentile, ratios
from benchmarks.load import all_ended, open_loop
from benchmarks.plot import bars, lines


def test_a_percentile_is_the_nearest_rank() -> None:
    hundred = [float(value) for value in range(1, 101)]
    assert [percentile(hundred, share) for share in (0.01, 0.5, 0.95, 0.99, 1.0)] == [1, 50, 95, 99, 100]
    assert percentile([7.0], 0.99) == 7


def test_latencies_are_told_in_milliseconds_and_of_nothing_nothing_is_told() -> None:
    assert latencies([0.002, 0.001])["p50 ms"] == 1.0
    assert latencies([]) == {}


def test_a_ratio_is_taken_within_a_round_and_only_where_both_count() -> None:
    def sample(system: str, round: int, rate: float, problems: list[str] | None = None) -> Sample:
        return Sample(system, round, {"per second": rate}, problems=problems or [])

    samples = [sample("a", 1, 10), sample("b", 1, 5), sample("a", 2, 30), sample("b", 2, 10), sample("a", 3, 9)]
    samples.append(sample("b", 3, 1, ["void"]))
    assert ratios(samples, "a", "b", "per second") == [2, 3]
    assert str(Spread.of([2, 3])) == "2.50 [2.00–3.00]"


def test_cpu_time_is_counted_for_a_process_with_its_children() -> None:
    burn = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    parent = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\nprint('done', flush=True)\ninput()"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        accounts = Accounts({"theirs": process.pid})
        assert process.stdout is not None
        process.stdout.readline()
        assert accounts.read().seconds["theirs"] >= 0.18
    finally:
        process.kill()
        process.communicate()


def test_what_an_ended_connection_used_is_not_counted_twice() -> None:
    before = Usage(0, {"postgres": 1.0, "postgres: payments": 5.0, LOAD: 1.0}, 10, 0)
    after = Usage(2, {"postgres": 6.5, LOAD: 2.0}, 13, 0)
    used = after.since(before)
    assert used.seconds["postgres"] == 0.5
    assert summed(used.seconds)["postgres"] == 0.5
    assert used.share(LOAD) == 0.5
    assert used.seconds[OTHERS] == 1.5


async def test_arrivals_wait_for_nobody() -> None:
    began, starts = time.perf_counter(), list[float]()

    async def act(_: int, due: float) -> None:
        starts.append(due - began)
        await asyncio.sleep(0.5)

    tasks = await open_loop(act, rate=50, seconds=0.2, begins_at=began)
    assert len(tasks) == 10
    assert await all_ended(tasks, within_seconds=5) == 0
    assert starts == pytest.approx([number / 50 for number in range(10)])


async def test_what_has_not_ended_in_time_ends_and_is_counted() -> None:
    tasks = [asyncio.create_task(asyncio.sleep(60)), asyncio.create_task(asyncio.sleep(0))]
    assert await all_ended(tasks, within_seconds=0.05) == 1


def test_a_round_is_void_where_something_is_missing_or_failed_or_the_load_was_the_limit() -> None:
    assert gate.check_counts({"a": 1, "c": 9}, {"a": 1}) == []
    assert gate.check_counts({"a": 1}, {"a": 1, "b": 2}) == ["0 b where 2 were expected"]
    assert gate.check_errors(0, 10) == [] and gate.check_errors(1, 10_000) == []
    assert gate.check_errors(1, 100) and gate.check_errors(0, 0)
    assert gate.check_load(Usage(10, {LOAD: 7.1}, 20, 0)) and not gate.check_load(Usage(10, {LOAD: 6.9}, 20, 0))
    assert gate.check_noise(Usage(10, {OTHERS: 2.0}, 20, 0)) and not gate.check_noise(Usage(10, {OTHERS: 1.0}, 20, 0))


def test_plots_are_well_formed_and_quote_what_they_are_given() -> None:
    drawn = [bars("a < b", {"x & y": {"<p>": 1.5}}, "ms"), lines("t", {"c": [(0.0, 0.0), (1.0, 2.0)]}, "x", "y")]
    assert all(ElementTree.fromstring(svg).tag.endswith("svg") for svg in drawn)


def test_this_process_is_the_load_generator() -> None:
    assert os.getpid() and Accounts({}).read().seconds[LOAD] > 0
