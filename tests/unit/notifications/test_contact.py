"""One-time codes: a minute between two, five tries, five minutes, one use."""

from datetime import timedelta

import pytest

from services.notifications.domain.contact import CODE_LIVES, TRIES, contact, contact_id
from shared.contracts.notifications import Channel, ContactCodeAsked, ContactCodeMistaken, ContactConfirmed
from shared.contracts.personal import codec_of
from shared.kernel.errors import Refused
from tests.unit.builders import NOW, an_id, without_personal_data
from tests.unit.notifications.channel_builders import CODE, OTHER_MOBILE, SOON, WRONG, a_contact, asked, given_back
from tests.unit.notifications.delivery_builders import MOBILE, PERSON

MISTAKES = [given_back(WRONG)] * TRIES
A_MINUTE_LATER = NOW + timedelta(minutes=1)


def test_a_code_that_comes_back_confirms_the_contact() -> None:
    life = a_contact(asked(), given_back())
    assert life.of(ContactConfirmed) == [ContactConfirmed(person_id=PERSON, channel=Channel.SMS)]
    assert life.state.is_confirmed


def test_a_code_says_whose_it_is_and_how_long_it_is_good() -> None:
    [event] = a_contact(asked(channel=Channel.EMAIL)).of(ContactCodeAsked)
    assert (event.person_id, event.channel, event.code) == (PERSON, Channel.EMAIL, CODE)
    assert event.expires_at == NOW + CODE_LIVES


def test_a_code_is_used_once() -> None:
    life = a_contact(asked(), given_back(), given_back())
    assert life.refusal == "code-not-good-any-more"


@pytest.mark.parametrize("wrong", ["042918", "42917", "0429170", "", "٠٤٢٩١٧"])
def test_a_mistake_is_counted_and_the_right_code_is_good_after_it(wrong: str) -> None:
    life = a_contact(asked(), given_back(wrong))
    assert life.of(ContactCodeMistaken) != []
    life.send(given_back())
    assert life.state.is_confirmed


def test_after_five_mistakes_the_right_code_is_not_good_any_more() -> None:
    assert a_contact(asked(), *MISTAKES[1:], given_back()).state.is_confirmed
    life = a_contact(asked(), *MISTAKES, given_back())
    assert life.refusal == "code-not-good-any-more"
    assert len(life.of(ContactCodeMistaken)) == TRIES
    assert not life.state.is_confirmed


def test_a_code_is_good_until_its_end_and_not_at_it() -> None:
    end = NOW + CODE_LIVES
    assert a_contact(asked(), given_back(at=end - timedelta(microseconds=1))).state.is_confirmed
    assert a_contact(asked(), given_back(at=end)).refusal == "code-not-good-any-more"


def test_without_a_code_there_is_none_to_give() -> None:
    assert a_contact(given_back()).refusal == "code-not-good-any-more"


def test_a_code_is_asked_for_once_a_minute() -> None:
    life = a_contact(asked(), asked(at=A_MINUTE_LATER - timedelta(microseconds=1)))
    assert life.refusal == "code-asked-too-often"
    life.send(asked(at=A_MINUTE_LATER))
    assert life.refusal is None


def test_a_confirmation_does_not_shorten_the_pause() -> None:
    assert a_contact(asked(), given_back(), asked(at=SOON)).refusal == "code-asked-too-often"


def test_the_last_code_alone_is_good_and_has_all_its_tries() -> None:
    life = a_contact(asked(), *MISTAKES, asked("777777", A_MINUTE_LATER))
    life.send(given_back(CODE, A_MINUTE_LATER))
    assert not life.state.is_confirmed
    life.send(given_back("777777", A_MINUTE_LATER))
    assert life.state.is_confirmed


@pytest.mark.parametrize("address", [OTHER_MOBILE, None])
def test_a_code_confirms_no_other_address_than_the_one_it_was_sent_to(address: str | None) -> None:
    life = a_contact(asked(), given_back(address=address))
    assert life.refusal == "code-not-good-any-more"
    assert not life.state.is_confirmed


def test_a_new_number_is_to_be_confirmed_anew_and_the_same_one_is_not() -> None:
    life = a_contact(asked(), given_back(), asked(at=A_MINUTE_LATER))
    assert life.state.is_confirmed
    again = a_contact(asked(), given_back(), asked(at=A_MINUTE_LATER, address=OTHER_MOBILE))
    assert not again.state.is_confirmed
    again.send(given_back(at=A_MINUTE_LATER, address=OTHER_MOBILE))
    assert again.state.is_confirmed


def test_where_a_code_went_is_the_persons_own_affair() -> None:
    state = a_contact(asked()).state
    assert MOBILE not in str(codec_of(type(state)).store(state, an_id("contact"), None).data)


def test_of_an_erased_person_no_code_is_good() -> None:
    state = without_personal_data(a_contact(asked()).state)
    with pytest.raises(Refused, match="code-not-good-any-more"):
        contact.decide(state, given_back())


def test_a_person_has_one_contact_a_channel() -> None:
    ids = {contact_id(person, channel) for person in (PERSON, an_id("other")) for channel in (Channel.SMS, "email")}  # type: ignore[arg-type]
    assert len(ids) == 4
    assert contact_id(PERSON, Channel.EMAIL) in ids
