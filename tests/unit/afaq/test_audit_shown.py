"""What `afaq audit` shows: green is only what was looked at."""

from io import StringIO

import pytest
from rich.console import Console

from afaq.audit.audit import Audited
from afaq.audit.command import show
from afaq.audit.invariants import Finding

GREEN, YELLOW, RED = "\x1b[32m", "\x1b[33m", "\x1b[31m"
AWAY = "the gateway's ledger cannot be read here"


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [
        (Finding("I2", "charged once", {"captured": 7}), f"{GREEN}holds"),
        (Finding("I2", "charged once", {"captured": 0}), f"{GREEN}holds"),
        (Finding("I7", "told once", {"deliveries": 7}, not_seen=AWAY), f"{GREEN}holds"),
        (Finding("I2", "charged once", {}, not_seen=AWAY), f"{YELLOW}not checked"),
        (Finding("I1", "exists", {"acknowledged": 0, "requests": 0}, not_seen=AWAY), f"{YELLOW}not checked"),
        (Finding("I2", "charged once", {}, ["fee 1"], AWAY), f"{RED}1 violations"),
    ],
)
def test_what_could_not_be_looked_at_is_not_said_to_hold(finding: Finding, verdict: str) -> None:
    out = StringIO()
    show(Console(file=out, force_terminal=True, color_system="standard", width=200), Audited([finding], 1, 0.1))
    assert verdict in out.getvalue()
    assert ("holds" in out.getvalue()) == verdict.startswith(GREEN)
