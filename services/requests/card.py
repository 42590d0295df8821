"""The card of a service, as official service guides have it, made of its definition."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from services.requests.difference import word
from services.requests.domain.definition import (
    AgencyTaskStep,
    DocumentsStep,
    FeeItem,
    FeeStep,
    HoldStep,
    ServiceDefinition,
    title_of,
)
from services.requests.domain.rulebook import AGENCIES
from shared.kernel.money import dinars
from shared.kernel.text import Language, LocalizedText


class EntityView(BaseModel):
    """An agency as people know it."""

    id: str
    name: LocalizedText


class HoldView(BaseModel):
    """Something that another agency may have open, and how it is cleared."""

    step_id: str
    agency: LocalizedText
    title: LocalizedText
    clear: LocalizedText
    clears_with: str | None

    @staticmethod
    def of(step: HoldStep) -> "HoldView":
        """The view of a step."""
        return HoldView(
            step_id=step.id,
            agency=AGENCIES[step.agency],
            title=step.title,
            clear=step.clear,
            clears_with=step.clears_with,
        )


class CardView(BaseModel):
    """A service as the catalogue shows it: what official cards have, and what a frontend needs to ask for it.

    `fee_fils`: what everybody pays; `variable_fees`: what depends on the case, told exactly by a quote. `hours`: when
    the agency's people are there; it can be asked for at any time.
    """

    id: str
    version: int
    agency: str
    name: LocalizedText
    description: LocalizedText
    audience: Sequence[str]
    fee_fils: int
    variable_fees: Sequence[LocalizedText]
    objection_days: int | None
    service_level_working_days: int
    hours: LocalizedText | None
    documents: Sequence[LocalizedText]
    holds: Sequence[HoldView]
    procedures: Sequence[LocalizedText]
    competent_entity: EntityView
    participating_entities: Sequence[EntityView]
    steps: Sequence[str]
    assurance: str
    on_behalf_of: Sequence[str]
    offered_only: bool
    form: Mapping[str, Any]
    eligibility: Sequence[LocalizedText]

    @staticmethod
    def of(definition: ServiceDefinition) -> "CardView":
        """The card of a version."""
        steps = [step for step in definition.steps if not (isinstance(step, FeeStep) and step.is_free)]
        return CardView(
            id=definition.id,
            version=definition.version,
            agency=definition.agency,
            name=definition.name,
            description=definition.description,
            audience=definition.audience,
            fee_fils=definition.fee_fils(),
            variable_fees=list(_variable(definition)),
            objection_days=definition.objection.within_days if definition.objection else None,
            service_level_working_days=definition.service_level_working_days,
            hours=definition.hours,
            documents=[d.title for step in steps if isinstance(step, DocumentsStep) for d in step.documents],
            holds=[HoldView.of(step) for step in steps if isinstance(step, HoldStep)],
            procedures=[title_of(step) for step in steps if not isinstance(step, HoldStep)],
            competent_entity=_entity(definition.agency),
            participating_entities=[_entity(agency) for agency in _participants(definition)],
            steps=[step.kind for step in steps],
            assurance=definition.assurance,
            on_behalf_of=definition.on_behalf_of,
            offered_only=definition.offered_only,
            form=definition.form,
            eligibility=[rule.reason for rule in definition.eligibility],
        )


def _entity(agency: str) -> EntityView:
    return EntityView(id=agency, name=AGENCIES[agency])


def _participants(definition: ServiceDefinition) -> list[str]:
    named = {step.agency for step in definition.steps if isinstance(step, AgencyTaskStep | HoldStep)}
    earning = {item.agency for step in definition.steps if isinstance(step, FeeStep) for item in step.items}
    return sorted((named | {agency for agency in earning if agency}) - {definition.agency})


def _variable(definition: ServiceDefinition) -> Iterator[LocalizedText]:
    for step in definition.steps:
        for item in step.items if isinstance(step, FeeStep) else ():
            if item.per or item.exempt or item.fine or item.owed or item.where:
                yield _rate(item)


def _rate(item: FeeItem) -> LocalizedText:
    """A part of a fee with its amount, by the piece or at most."""
    amount = item.fine.cap_fils if item.fine else item.amount_fils
    if not amount:
        return item.text
    how = "at_most" if item.fine else "each" if item.per else "if_so"
    said = {
        language.value: f"{item.text.in_language(language)}: {dinars(amount)} {word('currency', language)} "
        f"{word(how, language)}"
        for language in Language
    }
    return LocalizedText(**said)


def card_text(definition: ServiceDefinition, language: Language) -> str:
    """The card as a page of Markdown in one language."""
    card = CardView.of(definition)

    def said(text: LocalizedText) -> str:
        return text.in_language(language)

    def line(name: str, value: str) -> str:
        return f"**{word(name, language)}**: {value}"

    def listed(name: str, texts: Sequence[LocalizedText], *, numbered: bool = False) -> list[str]:
        marks = (f"{number}." if numbered else "-" for number in range(1, len(texts) + 1))
        return [f"**{word(name, language)}**", "", *(f"{mark} {said(t)}" for mark, t in zip(marks, texts, strict=True))]

    fee = f"{dinars(card.fee_fils)} {word('currency', language)}" if card.fee_fils else word("free", language)
    separator = "؛ " if language is Language.ARABIC else "; "
    holds = [LocalizedText(ar=f"{h.title.ar}: {h.clear.ar}", en=f"{h.title.en}: {h.clear.en}") for h in card.holds]
    parts = [
        [f"# {said(card.name)}", "", said(card.description)],
        [line("agency", said(card.competent_entity.name))],
        [line("participants", separator.join(said(e.name) for e in card.participating_entities) or "—")],
        [line("audience", separator.join(word(group, language) for group in card.audience))],
        listed("eligibility", card.eligibility),
        listed("holds", holds) if holds else [],
        listed("documents", card.documents) if card.documents else [line("documents", word("no-documents", language))],
        listed("procedures", card.procedures, numbered=True),
        [line("fixed_fee", fee)],
        listed("variable_fees", card.variable_fees) if card.variable_fees else [],
        [line("objection", f"{card.objection_days}")] if card.objection_days else [],
        [line("service_level_working_days", str(card.service_level_working_days))],
        [line("offered_only", word("yes", language))] if card.offered_only else [],
        [line("hours", said(card.hours) if card.hours else word("always", language))],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"
