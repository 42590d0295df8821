"""What one can ask for, and whether."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from services.requests import queries
from services.requests.api.access import OnBehalfOf, definition_in, relation_for
from services.requests.domain.definition import ServiceDefinition, Slug
from services.requests.domain.facts import KnownPerson, facts_of
from services.requests.domain.fees import total
from services.requests.domain.rulebook import AGENCIES, RULEBOOK
from services.requests.domain.rules import Ruling, Verdict
from services.requests.domain.steps import plan
from services.requests.forms import Submission, form_errors
from services.requests.views import CardView, EligibilityView, QuoteView, RuleView
from shared.kernel.text import folded
from shared.web.auth import Citizen
from shared.web.commands import TheShell
from shared.web.documents import MAY_BE_UNKNOWN
from shared.web.problems import Problem

router = APIRouter(tags=["catalogue"])


@router.get("/catalogue")
async def list_services(
    shell: TheShell,
    q: Annotated[str, Query(max_length=100, description="Words that are all to be found, in either language.")] = "",
    agency: Annotated[Slug | None, Query()] = None,
) -> list[CardView]:
    """The services that one can ask for, each in its newest version; or those that are looked for."""
    words = folded(q).split()
    found = await queries.current_versions(shell.parts.pool)
    return [
        CardView.of(definition)
        for definition in found
        if agency in (None, definition.agency) and (not words or _has(definition, words))
    ]


def _has(definition: ServiceDefinition, words: list[str]) -> bool:
    """Whether all words are in a service's names, in what it is for, or in the name of whose it is."""
    texts = (definition.name, definition.description, AGENCIES[definition.agency])
    searched = folded("\n".join([definition.id, *(said for text in texts for said in (text.ar, text.en))]))
    return all(word in searched for word in words)


@router.get("/catalogue/{service_id}")
async def get_service(service_id: Slug, shell: TheShell) -> CardView:
    """One service in its newest version."""
    return CardView.of(await definition_in(shell, service_id))


@router.get("/eligibility", responses=MAY_BE_UNKNOWN)
async def eligibility(caller: Citizen, shell: TheShell, on_behalf_of: OnBehalfOf = None) -> list[EligibilityView]:
    """For which services the caller is eligible now, and why (not); or somebody else, where the caller may ask."""
    for_id, now = on_behalf_of or caller.id, shell.parts.clock.now()
    person = await queries.find_person(shell.parts.pool, for_id)
    definitions = await queries.current_versions(shell.parts.pool)
    if for_id != caller.id:
        relations = await queries.relations_between(shell.parts.pool, caller.id, for_id)
        definitions = [d for d in definitions if person and any(r.allows(d, person, now) for r in relations)]
        if not definitions:
            raise Problem("not-found")
    facts = {} if person is None else facts_of(person, now)
    found = []
    for definition in definitions:
        rulings = [RULEBOOK.judge(rule, facts) for rule in definition.eligibility]
        found.append(_eligibility(definition, rulings, person))
    return found


@router.post("/quotes", responses=MAY_BE_UNKNOWN)
async def quote(form: Submission, caller: Citizen, shell: TheShell, on_behalf_of: OnBehalfOf = None) -> QuoteView:
    """What a service would cost the caller now, and which steps it would take; or somebody for whom they may ask.

    Nothing is submitted. The form is checked as it is when it is submitted.
    """
    definition = await definition_in(shell, form.service_id, form.version)
    if errors := form_errors(definition.form, form.form):
        raise Problem("form-invalid", errors=errors)
    for_id, now = on_behalf_of or caller.id, shell.parts.clock.now()
    person = await queries.find_person(shell.parts.pool, for_id)
    if person is None or (for_id != caller.id and await relation_for(shell, caller, for_id, definition) is None):
        raise Problem("not-found")
    judged = _eligibility(
        definition, [RULEBOOK.judge(r, facts_of(person, now)) for r in definition.eligibility], person
    )
    planned = plan(definition, form.form, person, now)
    lines = [line for fees in planned.fees.values() for line in fees]
    return QuoteView(
        service_id=definition.id,
        version=definition.version,
        name=definition.name,
        eligible=judged.eligible,
        rules=judged.rules,
        steps=[step.kind for step in definition.steps if step.id not in planned.skips],
        fees=lines,
        total_fils=total(lines),
        service_level_working_days=definition.service_level_working_days,
    )


def _eligibility(definition: ServiceDefinition, rulings: list[Ruling], person: KnownPerson | None) -> EligibilityView:
    verdicts = {ruling.verdict for ruling in rulings}
    eligible: Literal["yes", "no", "unknown"] = "yes"
    if person is None or Verdict.UNDECIDED in verdicts:
        eligible = "unknown"
    if person is not None and (Verdict.FAILED in verdicts or person.residence not in definition.audience):
        eligible = "no"
    rules = [RuleView(id=r.rule.id, verdict=r.verdict, reason=r.rule.reason, facts=r.facts) for r in rulings]
    return EligibilityView(service_id=definition.id, name=definition.name, eligible=eligible, rules=rules)
