from services.notifications.domain.recipient import ChooseChannels, Preferences, preferences
from shared.contracts.notifications import Channel, PreferencesChanged
from tests.unit.builders import a_life, without_personal_data

MAIL_FIRST = ChooseChannels((Channel.EMAIL, Channel.SMS))


def test_short_messages_come_before_mail_until_something_is_chosen() -> None:
    assert Preferences().channels == (Channel.SMS, Channel.EMAIL)
    assert not Preferences().is_chosen


def test_channels_are_kept_in_the_order_that_was_chosen() -> None:
    life = a_life(preferences, MAIL_FIRST)
    assert life.state == Preferences((Channel.EMAIL, Channel.SMS), is_chosen=True)


def test_the_same_choice_again_changes_nothing_but_another_order_does() -> None:
    life = a_life(preferences, MAIL_FIRST)
    assert life.send(MAIL_FIRST) == []
    assert len(life.send(ChooseChannels((Channel.SMS, Channel.EMAIL)), ChooseChannels(()))) == 2
    assert life.state.channels == ()


def test_a_choice_of_what_goes_without_saying_is_a_choice() -> None:
    assert len(a_life(preferences, ChooseChannels(Preferences().channels)).of(PreferencesChanged)) == 1  # type: ignore[arg-type]


def test_a_choice_can_be_made_though_the_earlier_one_cannot_be_read() -> None:
    state = without_personal_data(a_life(preferences, MAIL_FIRST).state)
    assert preferences.decide(state, MAIL_FIRST) == [PreferencesChanged(channels=list(MAIL_FIRST.channels))]
