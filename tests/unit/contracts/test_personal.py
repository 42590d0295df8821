import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import payments
from shared.contracts.event import Event, all_events
from shared.contracts.identity import PersonChanged, PersonRegistered, Residence
from shared.contracts.payments import PaymentPageOpened
from shared.contracts.personal import ERASED, Private, SubjectId, codec_of
from shared.kernel.text import Language
from shared.store.keyring import SubjectBox
from tests.unit.builders import BOX, NOW, a_text, an_id, stored_and_read, through_json
from tests.unit.generated import QUICK, generated

PERSON, OTHER = an_id("person"), an_id("other")
OTHER_BOX = SubjectBox(b"another person's key of 32 bytes")
PERSONAL = [event for event in all_events() if codec_of(event).private]


def a_registration(**changes: Any) -> PersonRegistered:
    """The event of a person whose every field is a canary."""
    values: dict[str, Any] = {
        "civil_id": "200010100028",
        "civil_id_hash": "canary-hash",
        "name": a_text("Canary Name", "اسم الكناري"),
        "birth_date": date(1900, 1, 1),
        "residence": Residence.CITIZEN,
        "mobile": "+96550000001",
        "email": "canary@example.org",
        "language": Language.ENGLISH,
        "facts": {},
    }
    return PersonRegistered(**values | changes)


def test_what_is_personal_is_absent_from_what_is_published() -> None:
    kept = codec_of(PersonRegistered).store(a_registration(), PERSON, BOX)
    assert kept.data == {"is_newborn": False}
    assert set(kept.sealed or {}) == set(PersonRegistered.model_fields) - {"is_newborn"}


def test_what_is_sealed_cannot_be_read_without_the_key() -> None:
    kept = json.dumps(codec_of(PersonRegistered).store(a_registration(), PERSON, BOX).sealed)
    for canary in ("200010100028", "canary", "Canary", "الكناري", "1900", "citizen", "50000001"):
        assert canary not in kept


def test_the_same_value_is_sealed_differently_each_time() -> None:
    codec = codec_of(PersonRegistered)
    first, second = (codec.store(a_registration(), PERSON, BOX).sealed for _ in range(2))
    assert first != second


@pytest.mark.parametrize("event", PERSONAL, ids=lambda event: event.type)
@QUICK
@given(data=st.data())
def test_the_public_part_and_the_sealed_part_of_an_event_share_no_field(
    event: type[Event], data: st.DataObject
) -> None:
    codec = codec_of(event)
    kept = codec.store(data.draw(generated(event)), PERSON, BOX)
    assert kept.sealed is not None
    assert kept.data.keys() | kept.sealed.keys() == event.model_fields.keys()
    assert not kept.data.keys() & kept.sealed.keys()
    assert kept.sealed.keys() == set(codec.private)


def test_what_is_not_personal_is_published_whole() -> None:
    event = payments.PaymentExpired(fee_id=an_id("fee"), for_id=an_id("request"))
    kept = codec_of(type(event)).store(event, PERSON, BOX)
    assert kept.sealed is None
    assert kept.data == {"fee_id": str(event.fee_id), "for_id": str(event.for_id)}


def test_a_sealed_value_opens_only_for_its_aggregate() -> None:
    codec = codec_of(PersonRegistered)
    kept = codec.store(a_registration(), PERSON, BOX)
    with pytest.raises(InvalidTag):
        codec.load(kept.data, kept.sealed, OTHER, BOX)


def test_a_sealed_value_opens_only_in_its_field() -> None:
    codec = codec_of(PersonRegistered)
    sealed = codec.store(a_registration(), PERSON, BOX).sealed or {}
    moved = {**sealed, "email": sealed["mobile"]}
    with pytest.raises(InvalidTag):
        codec.load({}, moved, PERSON, BOX)


def test_a_sealed_value_opens_only_with_its_subjects_key() -> None:
    codec = codec_of(PersonRegistered)
    kept = codec.store(a_registration(), PERSON, BOX)
    with pytest.raises(InvalidTag):
        codec.load(kept.data, kept.sealed, PERSON, OTHER_BOX)


def test_a_sealed_value_that_was_altered_is_refused() -> None:
    codec = codec_of(PersonRegistered)
    sealed = dict(codec.store(a_registration(), PERSON, BOX).sealed or {})
    middle = len(sealed["name"]) // 2
    letter = "A" if sealed["name"][middle] != "A" else "B"
    sealed["name"] = sealed["name"][:middle] + letter + sealed["name"][middle + 1 :]
    with pytest.raises(InvalidTag):
        codec.load({}, sealed, PERSON, BOX)


@pytest.mark.parametrize("event", PERSONAL, ids=lambda event: event.type)
@QUICK
@given(data=st.data())
def test_without_the_key_what_is_personal_is_erased_and_the_rest_stays(event: type[Event], data: st.DataObject) -> None:
    codec = codec_of(event)
    happened = data.draw(generated(event))
    kept = codec.store(happened, PERSON, BOX)
    read = codec.load(through_json(kept.data), through_json(kept.sealed), PERSON, None)
    for field in event.model_fields:
        expected = ERASED if field in codec.private else getattr(happened, field)
        assert getattr(read, field) == expected


def test_what_was_published_to_others_is_erased_for_them() -> None:
    codec = codec_of(PersonChanged)
    assert codec.load({}, None, PERSON, BOX) == PersonChanged(
        mobile=ERASED, email=ERASED, language=ERASED, facts=ERASED
    )


def test_what_is_recorded_after_the_key_was_destroyed_is_left_out_for_good() -> None:
    codec = codec_of(PersonRegistered)
    kept = codec.store(a_registration(), PERSON, None)
    assert kept.data == {"is_newborn": False}
    assert kept.sealed == {}


def test_what_is_erased_is_not_sealed_again() -> None:
    codec = codec_of(PersonRegistered)
    kept = codec.store(a_registration(mobile=ERASED), PERSON, BOX)
    assert "mobile" not in (kept.sealed or {})
    assert codec.load(kept.data, kept.sealed, PERSON, BOX).mobile is ERASED


@pytest.mark.parametrize("field", ["mobile", "email"])
def test_nobody_is_erased_by_being_called_erased(field: str) -> None:
    event = a_registration(**{field: "erased"})
    assert getattr(stored_and_read(event, PERSON), field) == "erased"


@pytest.mark.parametrize("field", ["mobile", "email"])
def test_nothing_is_not_the_same_as_erased(field: str) -> None:
    event = a_registration(**{field: None})
    assert getattr(stored_and_read(event, PERSON), field) is None


def test_unknown_fields_of_a_newer_writer_are_ignored() -> None:
    codec = codec_of(PersonChanged)
    event = PersonChanged(mobile=None, email=None, language=Language.ARABIC, facts={})
    kept = codec.store(event, PERSON, BOX)
    newer = {**(kept.sealed or {}), "added_in_2030": BOX.seal("x", f"{PERSON}.added_in_2030")}
    assert codec.load({"also_new": 1}, newer, PERSON, BOX) == event


def test_the_subject_is_the_aggregate_where_no_field_names_another() -> None:
    codec = codec_of(PersonRegistered)
    assert codec.subject_of(a_registration(), PERSON) == PERSON
    assert codec.subject_in({}, PERSON) == PERSON


def test_the_subject_is_the_person_that_a_field_names() -> None:
    event = PaymentPageOpened(attempt_id=an_id("attempt"), payer_id=PERSON, opened_at=NOW, page_url="https://x.test/1")
    codec = codec_of(PaymentPageOpened)
    kept = codec.store(event, OTHER, BOX)
    assert codec.subject_of(event, OTHER) == codec.subject_in(kept.data, OTHER) == PERSON


def test_nobody_is_the_subject_of_what_is_not_personal() -> None:
    event = payments.PaymentExpired(fee_id=an_id("fee"), for_id=an_id("request"))
    codec = codec_of(payments.PaymentExpired)
    assert codec.subject_of(event, PERSON) is None
    assert codec.subject_in({}, PERSON) is None


@dataclass(frozen=True)
class Kept:
    """A state whose marks stand in deeper places."""

    owner_id: SubjectId
    notes: Private[list[str]]
    nickname: Private[str] | None = None
    open: int = 0


def test_a_mark_is_found_wherever_it_stands_in_an_annotation() -> None:
    codec = codec_of(Kept)
    kept = codec.store(Kept(PERSON, ["canary"], "canary", 5), OTHER, BOX)
    assert set(codec.private) == {"notes", "nickname"}
    assert kept.data == {"owner_id": str(PERSON), "open": 5}


def test_a_codec_is_made_once() -> None:
    assert codec_of(PersonRegistered) is codec_of(PersonRegistered)
