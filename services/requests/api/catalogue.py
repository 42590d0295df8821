"""What one can ask for, and whether."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.requests import queries
from services.requests.api.access import OnBehalfOf, definition_in, relation_for
from services.requests.card import CardView
from services.requests.domain.definition import ServiceDefinition, Slug
from services.requests.domain.facts import facts_of
from services.requests.domain.rulebook import AGENCIES
from services.requests.forms import Submission, Supposed, form_errors
from services.requests.prefill import Prefilled, filled_form, prefilled
from services.requests.views import EligibilityView, QuoteView
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
    """The services that one can ask for, or is offered, each in its newest version; or those that are looked for."""
    words = folded(q).split()
    found = await queries.current_versions(shell.parts.pool, shell.parts.clock.now())
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


@router.get("/catalogue/{service_id}/prefill", responses=MAY_BE_UNKNOWN)
async def prefill(
    service_id: Slug, caller: Citizen, shell: TheShell, on_behalf_of: OnBehalfOf = None
) -> dict[str, Prefilled]:
    """The fields of a service's form that registers know: they are filled in by themselves and need not be sent.

    Each with its source, and as of when. What is wrong is put right where it was told.
    """
    definition, for_id = await definition_in(shell, service_id), on_behalf_of or caller.id
    person = await queries.find_person(shell.parts.pool, for_id)
    if person is None or (for_id != caller.id and await relation_for(shell, caller, for_id, definition) is None):
        raise Problem("not-found")
    return prefilled(definition, person)


@router.get("/eligibility", responses=MAY_BE_UNKNOWN)
async def eligibility(caller: Citizen, shell: TheShell, on_behalf_of: OnBehalfOf = None) -> list[EligibilityView]:
    """For which services that one asks for the caller is eligible now, and why (not); or somebody else, where the
    caller may ask.
    """
    for_id, now = on_behalf_of or caller.id, shell.parts.clock.now()
    person = await queries.find_person(shell.parts.pool, for_id)
    definitions = await queries.current_versions(shell.parts.pool, now)
    if for_id != caller.id:
        relations = await queries.relations_between(shell.parts.pool, caller.id, for_id)
        definitions = [d for d in definitions if person and any(r.allows(d, person, now) for r in relations)]
        if not definitions:
            raise Problem("not-found")
    facts = {} if person is None else facts_of(person, now)
    return [EligibilityView.judged(definition, facts) for definition in definitions if not definition.offered_only]


@router.post("/eligibility", responses=MAY_BE_UNKNOWN)
async def would_be_eligible(form: Supposed, caller: Citizen, shell: TheShell) -> EligibilityView:
    """Whether the caller would be eligible for a service if `facts` were so: what a rule would say to somebody's plans.

    Nothing is submitted or kept, and nothing is decided by it.
    """
    definition = await definition_in(shell, form.service_id, form.version)
    now = shell.parts.clock.now()
    person = await queries.find_person(shell.parts.pool, caller.id)
    facts = {} if person is None else facts_of(person, now)
    return EligibilityView.judged(definition, {**facts, **form.facts})


@router.post("/quotes", responses=MAY_BE_UNKNOWN)
async def quote(form: Submission, caller: Citizen, shell: TheShell, on_behalf_of: OnBehalfOf = None) -> QuoteView:
    """What a service would cost the caller now, and which steps it would take; or somebody for whom they may ask.

    Nothing is submitted. The form is checked as it is when it is submitted.
    """
    definition = await definition_in(shell, form.service_id, form.version)
    for_id, now = on_behalf_of or caller.id, shell.parts.clock.now()
    person = await queries.find_person(shell.parts.pool, for_id)
    if person is None or (for_id != caller.id and await relation_for(shell, caller, for_id, definition) is None):
        raise Problem("not-found")
    filled = filled_form(definition, form.form, person)
    if errors := form_errors(definition.form, filled):
        raise Problem("form-invalid", errors=errors)
    return QuoteView.of(definition, filled, facts_of(person, now), now)
