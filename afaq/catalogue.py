"""Service definitions as files: what a policy officer tries before anything is published."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

app = typer.Typer(no_args_is_help=True, help=__doc__)

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A service definition, as YAML.")]
Arabic = Annotated[bool, typer.Option("--arabic", help="In Arabic.")]


@app.command()
def lint(files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Say what is wrong with definitions, in both languages, line by line; exit 1 where anything is."""
    from services.requests.domain.rulebook import CATALOGUE
    from services.requests.linter import lint as findings_in
    from services.requests.seed import VOCABULARY

    found = False
    documents = {file: _read(file) for file in files}
    there_are = {file.stem for file in CATALOGUE.glob("*.yaml")} - {*VOCABULARY}
    there_are |= {raw["id"] for raw in documents.values() if isinstance(raw, dict) and isinstance(raw.get("id"), str)}
    for file, raw in documents.items():
        for finding in findings_in(raw, there_are):
            found = True
            line = _line_of(file, finding.pointer)
            typer.secho(f"{file}:{line}: {finding.pointer or '/'} [{finding.code}]", bold=True)
            typer.echo(f"    {finding.text.en}\n    {finding.text.ar}")
    if not found:
        typer.echo(f"{len(files)} definition(s), nothing found")
    raise typer.Exit(1 if found else 0)


@app.command()
def diff(old: File, new: File, *, arabic: Arabic = False) -> None:
    """Say how a definition differs from another, in words."""
    from services.requests.difference import differences
    from shared.kernel.text import Language

    before, after = _definition(old), _definition(new)
    if before.id != after.id or before.version >= after.version:
        typer.secho(f"{new} should be a later version of {before.key}, and is {after.key}", fg="yellow", err=True)
    changes = differences(before, after)
    for change in changes:
        typer.echo(f"- {change.text.in_language(Language.ARABIC if arabic else Language.ENGLISH)}")
    if not changes:
        typer.echo("no difference")


@app.command()
def card(file: File, *, arabic: Arabic = False) -> None:
    """Show the card that people see of a service, as Markdown."""
    from services.requests.card import card_text
    from shared.kernel.text import Language

    typer.echo(card_text(_definition(file), Language.ARABIC if arabic else Language.ENGLISH), nl=False)


@app.command(name="try")
def try_it(
    file: File,
    facts: Annotated[Path, typer.Option(exists=True, help="YAML: what is known of the person, by fact.")],
    form: Annotated[Path | None, typer.Option(exists=True, help="YAML: the form as it would be sent.")] = None,
) -> None:
    """Say what a service would mean for somebody: the rules, the steps, the holds and the fees, line by line.

    Exits 1 where the form would not be taken, or a fact is one that no register tells.
    """
    from services.requests.domain.rulebook import FACTS
    from services.requests.forms import form_errors
    from services.requests.views import QuoteView

    definition, now = _definition(file), datetime.now(UTC)
    known, filled = _plain(_read(facts)), _plain(_read(form)) if form else {}
    wrong = [f"{facts}: no register tells {name}" for name in known if name not in FACTS]
    wrong += [f"form: {fault['pointer']} ({fault['code']})" for fault in form_errors(definition.form, filled)]
    for fault in wrong:
        typer.secho(f"not right: {fault}", fg="red", err=True)
    _tell(definition, QuoteView.of(definition, filled, {"now": now, **known}, now))
    raise typer.Exit(1 if wrong else 0)


def _tell(definition: Any, quote: Any) -> None:
    from services.requests.domain.definition import title_of
    from services.requests.domain.rulebook import AGENCIES
    from shared.kernel.money import dinars

    typer.echo(f"{definition.name.en} / {definition.name.ar}: eligible: {quote.eligible}")
    for rule in quote.rules:
        waits = "".join(f"; {agency.en} has still to tell" for agency in rule.waits_for)
        typer.echo(f"  rule {rule.id}: {rule.verdict} — {rule.reason.en}{waits}")
    for step in (definition.step(id) for id in quote.step_ids):
        by = f" ({AGENCIES[step.agency].en})" if getattr(step, "agency", None) else ""
        after = f", after {' and '.join(step.after) or 'nothing'}" if step.after is not None else ""
        typer.echo(f"  step {step.id}: {step.kind} — {title_of(step).en}{by}{after}")
    for hold in quote.holds:
        typer.echo(f"  hold: {hold.title.en} — {hold.clear.en}")
    for line in quote.fees:
        typer.echo(f"  fee {line.text.en}: KWD {dinars(line.amount_fils)}")
    typer.echo(f"  to pay: KWD {dinars(quote.total_fils)}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of definitions, for editors."""
    from afaq.documents import definition_schema

    typer.echo(definition_schema(), nl=False)


def _definition(file: Path) -> Any:
    from services.requests.domain.definition import ServiceDefinition
    from services.requests.linter import lint as findings_in

    raw = _read(file)
    if findings_in(raw):
        typer.secho(f"{file} cannot be understood yet; see: afaq catalogue lint {file}", fg="red", err=True)
        raise typer.Exit(1)
    return ServiceDefinition.model_validate(raw)


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        typer.secho(f"{file} is no YAML: {error}", fg="red", err=True)
        raise typer.Exit(1) from None


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Values as JSON has them: a date is text, whether it is written in quotation marks or not."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}


def _line_of(file: Path, pointer: str) -> int:
    """The line on which a part of a document begins; of one that is missing, that of what it is missing in."""
    node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    for part in pointer.split("/")[1:]:
        inner = next(iter(_inner(node, part.replace("~1", "/").replace("~0", "~"))), None)
        if inner is None:
            break
        node = inner
    return int(node.start_mark.line) + 1 if node is not None else 1


def _inner(node: Any, part: str) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        yield from (value for key, value in node.value if key.value == part)
    if isinstance(node, yaml.SequenceNode) and part.isdigit():
        yield from node.value[int(part) : int(part) + 1]
