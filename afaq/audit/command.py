"""The command `afaq audit`: audits the platform of the environment, else the local stack that runs here."""

import os
from uuid import UUID

from rich.console import Console
from rich.table import Table

from afaq.access import LOCAL, brokers_here, open_shells, running_stack
from afaq.audit.audit import Audited, audit
from afaq.audit.invariants import Finding
from afaq.audit.outside import Deployment

SHOWN = 10


async def audit_here(acknowledged: frozenset[UUID], patience_seconds: float) -> int:
    """Audits and shows what was found; 1 where something is violated."""
    console = Console()
    async with open_shells() as shells:
        with console.status("reading databases, topics and ledgers") as status:
            audited = await audit(
                shells,
                _deployment(),
                acknowledged=acknowledged,
                patience_seconds=patience_seconds,
                say=status.update,
            )
    show(console, audited)
    return 1 if audited.violations else 0


def show(console: Console, audited: Audited) -> None:
    """Each invariant with its counts and its first offenders."""
    table = Table("", "what must hold", "seen", "", title=f"audited in {audited.seconds:.1f} s")
    for finding in audited.findings:
        seen = ", ".join(f"{count:,} {name}" for name, count in finding.counts.items())
        seen = f"{seen} [dim]({finding.not_seen})[/dim]" if finding.not_seen else seen
        table.add_row(finding.id, finding.says, seen, _verdict(finding))
    console.print(table)
    for finding in audited.findings:
        for offender in finding.offenders[:SHOWN]:
            console.print(f"[red]{finding.id}[/red] {offender}")
        if len(finding.offenders) > SHOWN:
            console.print(f"[red]{finding.id}[/red] and {len(finding.offenders) - SHOWN} more")


def _verdict(finding: Finding) -> str:
    if finding.offenders:
        return f"[red]{len(finding.offenders)} violations[/red]"
    return "[green]holds[/green]" if finding.was_checked else "[yellow]not checked[/yellow]"


def _deployment() -> Deployment:
    running = next((running_stack(found) for found in LOCAL if (found / "stack.json").exists()), None)
    simulators = os.environ.get("AFAQ_SIMULATORS_URL") or (running["urls"]["simulators"] if running else None)
    return Deployment(brokers_here(), simulators)
