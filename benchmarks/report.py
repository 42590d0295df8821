"""What a run leaves behind: all its samples as JSON, tables of medians and ranges, and plots."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.cpu import summed
from benchmarks.figures import Points, Sample, Spread, ratios
from benchmarks.lab import Options
from benchmarks.plot import bars, lines
from benchmarks.scenarios.scenario import Scenario

FOLDER = Path("docs/benchmarks")


def write(
    scenario: Scenario, samples: Sequence[Sample], options: Options, machine: Mapping[str, str], folder: Path = FOLDER
) -> str:
    """Writes everything about one scenario; the tables, as they are in its page."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {"scenario": scenario.name, "machine": machine, "options": asdict(options)}
    kept = json.dumps({**found, "samples": [asdict(sample) for sample in samples]}, indent=1, ensure_ascii=False)
    (folder / f"{scenario.name}.json").write_text(kept + "\n", encoding="utf-8")
    valid = [sample for sample in samples if sample.is_valid] or list(samples)
    plots = _plots(scenario, valid)
    for name, svg in plots.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    tables = "\n".join([*_figures(samples), *_ratios(scenario, samples), *_cpu(scenario, valid), *_void(samples)])
    shown = [f"![{name}]({name}.svg)\n" for name in plots]
    told = [f"{name}: {value}  " for name, value in machine.items()]
    asked = ", ".join(f"{name} {value}" for name, value in asdict(options).items())
    head = [f"# {scenario.name}", "", scenario.question, "", f"Made by `python -m benchmarks {scenario.name}`.", ""]
    page = [*head, tables, "", *shown, "## Where and how", "", *told, f"options: {asked}", ""]
    (folder / f"{scenario.name}.md").write_text("\n".join(page), encoding="utf-8")
    return tables


def systems_of(samples: Sequence[Sample]) -> list[str]:
    """The systems in the order of their first round."""
    return list(dict.fromkeys(sample.system for sample in samples))


def _figures(samples: Sequence[Sample]) -> list[str]:
    systems = systems_of(samples)
    names = list(dict.fromkeys(name for sample in samples for name in sample.figures))
    rounds = len({sample.round for sample in samples})
    spoken = f"Medians of {rounds} rounds [least–most]." if rounds > 1 else "One round."
    rows = [spoken, "", "| | " + " | ".join(systems) + " |", "|---" * (len(systems) + 1) + "|"]
    for name in names:
        cells = [_spread(samples, system, name) for system in systems]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return rows


def _spread(samples: Sequence[Sample], system: str, name: str) -> str:
    of_system = [sample for sample in samples if sample.system == system and name in sample.figures]
    valid = [sample.figures[name] for sample in of_system if sample.is_valid]
    if spread := Spread.of(valid):
        return str(spread)
    void = Spread.of([sample.figures[name] for sample in of_system])
    return "" if void is None else f"({void}, void)"


def _ratios(scenario: Scenario, samples: Sequence[Sample]) -> list[str]:
    rows = []
    for ratio in scenario.ratios:
        spread = Spread.of(ratios(samples, ratio.above, ratio.below, ratio.figure))
        if spread is not None:
            rows.append(f"| {ratio.figure} | {ratio.above} / {ratio.below} | {spread} |")
    return ["", "| ratio within a round | | median [least–most] |", "|---|---|---|", *rows] if rows else []


def _cpu(scenario: Scenario, samples: Sequence[Sample]) -> list[str]:
    systems = [system for system in systems_of(samples) if any(s.cpu_ms for s in samples if s.system == system)]
    groups = dict.fromkeys(group for sample in samples for group in sample.cpu_ms)
    if not groups:
        return []
    head = f"| CPU ms a {scenario.piece} | " + " | ".join(systems) + " |"
    rows = ["", head, "|---" * (len(systems) + 1) + "|"]
    cells = {group: [_cpu_cell(samples, system, group) for system in systems] for group in sorted(groups)}
    return rows + [f"| {group} | " + " | ".join(of_group) + " |" for group, of_group in cells.items()]


def _cpu_cell(samples: Sequence[Sample], system: str, group: str) -> str:
    found = [sample.cpu_ms[group] for sample in samples if sample.system == system and group in sample.cpu_ms]
    return str(Spread.of(found) or "")


def _void(samples: Sequence[Sample]) -> list[str]:
    rows = [
        f"- round {s.round} of {s.system} is void: {'; '.join([*s.problems, *s.notes])}"
        for s in samples
        if not s.is_valid
    ]
    said = [(sample, [*sample.noise, *sample.notes]) for sample in samples if sample.is_valid]
    rows += [f"- round {sample.round} of {sample.system}: {'; '.join(words)}" for sample, words in said if words]
    return ["", *rows] if rows else []


def _plots(scenario: Scenario, samples: Sequence[Sample]) -> dict[str, str]:
    plots = {}
    if any(sample.cpu_ms for sample in samples):
        by_system = {system: _median_cpu(samples, system) for system in systems_of(samples)}
        shown = {system: groups for system, groups in by_system.items() if groups}
        plots[f"{scenario.name}-cpu"] = bars(f"CPU ms a {scenario.piece}", shown, "ms")
    for name, (across, up) in CURVES.items():
        curves: dict[str, Points] = {}
        for sample in samples:
            if sample.curves.get(name):
                curves.setdefault(sample.system, sample.curves[name])
        if curves:
            plots[f"{scenario.name}-{name.replace(' ', '-')}"] = lines(f"{scenario.name}: {name}", curves, across, up)
    return plots


CURVES = {
    "latency": ("share of the sample, %", "ms"),
    "p99 by rate": ("asked a second", "p99 ms"),
    "in hand": ("seconds since the burst began", "transactions"),
}
"""The curves that samples may have, with what their axes say."""


def _median_cpu(samples: Sequence[Sample], system: str) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for sample in samples:
        if sample.system == system:
            for group, value in summed(sample.cpu_ms).items():
                found.setdefault(group, []).append(value)
    return {group: spread.median for group in sorted(found) if (spread := Spread.of(found[group]))}
