"""CPU time by group of processes, out of /proc: it needs neither control groups nor anybody's permission.

A group is a process with all its descendants, also those that have ended. PostgreSQL's is told apart by database.
"""

import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

POSTGRES, LOAD, OTHERS = "postgres", "load generator", "others on this machine"
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_DATABASE = re.compile(rb"postgres: \w+: \S+ (?:afaq|bench)_(\w+) ")
_PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """CPU seconds up to an instant: of each group, and of the whole machine with what its host has stolen."""

    at: float
    seconds: Mapping[str, float]
    machine: float
    stolen: float

    def since(self, earlier: "Usage") -> "Usage":
        """What was used between two instants; `at` is then how many seconds lie between them."""
        groups = {**dict.fromkeys(earlier.seconds, 0.0), **self.seconds}
        used = {group: now - earlier.seconds.get(group, 0) for group, now in groups.items()}
        machine = self.machine - earlier.machine
        used = {**_without_debts(used), OTHERS: max(0.0, machine - sum(used.values()))}
        return Usage(self.at - earlier.at, used, machine, self.stolen - earlier.stolen)

    def share(self, group: str) -> float:
        """How much of one core a group has used, of a difference."""
        return self.seconds.get(group, 0) / self.at


@dataclass(frozen=True)
class _Process:
    parent: int
    own: int
    ended_children: int


class Accounts:
    """The groups of a run, by the process that each begins with. This process itself is the load generator."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = roots

    def read(self) -> Usage:
        """What all have used so far."""
        found = dict(_processes())
        children: defaultdict[int, list[int]] = defaultdict(list)
        for pid, process in found.items():
            children[process.parent].append(pid)
        ticks: defaultdict[str, int] = defaultdict(int)
        for group, root in self._roots.items():
            for pid in _family(root, children):
                if pid not in found:
                    continue
                name = _name_of(pid) if group == POSTGRES and pid != root else group
                ticks[name] += found[pid].own + found[pid].ended_children
        ticks[LOAD] += found[os.getpid()].own
        seconds = {group: used / _TICKS_PER_SECOND for group, used in ticks.items()}
        busy, stolen = _machine()
        return Usage(time.perf_counter(), seconds, busy, stolen)


def summed(seconds: Mapping[str, float]) -> dict[str, float]:
    """PostgreSQL's parts as one group again."""
    whole: defaultdict[str, float] = defaultdict(float)
    for group, used in seconds.items():
        whole[group.partition(":")[0]] += used
    return dict(whole)


def _without_debts(used: dict[str, float]) -> dict[str, float]:
    """A connection that ended has handed what it used to the server's own group, which pays it back here."""
    debts = {group: seconds for group, seconds in used.items() if seconds < 0}
    paid = {group: max(0.0, seconds) for group, seconds in used.items()}
    if POSTGRES in paid:
        paid[POSTGRES] = max(0.0, paid[POSTGRES] + sum(debts.values()))
    return paid


def _family(root: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    yield root
    for child in children.get(root, ()):
        yield from _family(child, children)


def _processes() -> Iterator[tuple[int, _Process]]:
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:  # it has just ended
            continue
        fields = text.rpartition(")")[2].split()  # a program's name may hold spaces and brackets
        own, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        yield int(entry.name), _Process(int(fields[1]), own, ended)


def _name_of(pid: int) -> str:
    try:
        match = _DATABASE.match((_PROC / str(pid) / "cmdline").read_bytes())
    except OSError:
        match = None
    return f"{POSTGRES}: {match[1].decode()}" if match else POSTGRES


def _machine() -> tuple[float, float]:
    """Busy and stolen seconds of all cores."""
    user, nice, system, _, _, irq, softirq, steal = (
        int(ticks) for ticks in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq) / _TICKS_PER_SECOND, steal / _TICKS_PER_SECOND
