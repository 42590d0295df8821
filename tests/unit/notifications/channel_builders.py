"""Builders of preferences, contacts and routes in every state."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from services.notifications.domain.contact import AskCode, Contact, GiveCode, contact
from services.notifications.domain.recipient import ChooseChannels, Preferences, preferences
from services.notifications.domain.sms_route import Figures, Measured, Provide, SmsRoute, sms_route
from shared.contracts.notifications import Channel
from tests.unit.builders import NOW, Life, a_life
from tests.unit.notifications.delivery_builders import MOBILE, PERSON

CODE, WRONG = "042917", "111111"
OTHER_MOBILE = "+96550000009"
SOON = NOW + timedelta(seconds=20)
BOTH = ("north", "south")
NORTH_BAD = Measured({"north": Figures(10, 5), "south": Figures(10, 0)})
SOUTH_BAD = Measured({"north": Figures(10, 1), "south": Figures(10, 9)})
ALL_GOOD = Measured({"north": Figures(10, 1), "south": Figures(10, 0)})
ALL_BAD = Measured({"north": Figures(10, 10), "south": Figures(10, 2)})


def asked(
    code: str = CODE, at: datetime = NOW, *, channel: Channel = Channel.SMS, address: str | None = MOBILE
) -> AskCode:
    """The person wants a code."""
    return AskCode(PERSON, channel, code, at, address)


def given_back(code: str = CODE, at: datetime = SOON, *, address: str | None = MOBILE) -> GiveCode:
    """The person gives a code."""
    return GiveCode(code, at, address)


def a_contact(*messages: AskCode | GiveCode) -> Life:
    """A contact that these messages were sent to."""
    return a_life(contact, *messages)


def a_route(*messages: Provide | Measured, providers: tuple[str, ...] = BOTH) -> Life:
    """A route over these companies."""
    return a_life(sms_route, Provide(providers), *messages)


def preferences_in_every_state() -> Mapping[str, Preferences]:
    """Nothing, something, and only the inbox was chosen."""
    lives = {
        "chosen": a_life(preferences, ChooseChannels((Channel.EMAIL, Channel.SMS))),
        "chosen as it was": a_life(preferences, ChooseChannels((Channel.SMS, Channel.EMAIL))),
        "inbox alone": a_life(preferences, ChooseChannels(())),
    }
    return {"absent": Preferences(), **{name: life.state for name, life in lives.items()}}


def contacts_in_every_state() -> Mapping[str, Contact]:
    """A contact before, while and after a code is on its way."""
    mistakes = [given_back(WRONG)] * 5
    lives = {
        "asked": a_contact(asked()),
        "mistaken": a_contact(asked(), given_back(WRONG)),
        "mistaken too often": a_contact(asked(), *mistakes),
        "confirmed": a_contact(asked(), given_back()),
        "asked again": a_contact(asked(), given_back(), asked(at=NOW + timedelta(hours=1))),
        "asked at another number": a_contact(
            asked(), given_back(), asked(at=NOW + timedelta(hours=1), address=OTHER_MOBILE)
        ),
        "by mail": a_contact(asked(channel=Channel.EMAIL)),
    }
    return {"absent": Contact(), **{name: life.state for name, life in lives.items()}}


def routes_in_every_state() -> Mapping[str, SmsRoute]:
    """Routes over no, one, two and many companies, measured or not."""
    lives = {
        "one": a_route(providers=("north",)),
        "two": a_route(),
        "one sinks": a_route(NORTH_BAD),
        "one has sunk": a_route(*[NORTH_BAD] * 5),
        "five": a_route(providers=("a", "b", "c", "d", "e")),
        "none any more": a_route(Provide(())),
    }
    states = {name: life.state for name, life in lives.items()}
    return {"absent": SmsRoute(), **states, "read": replace(states["two"], weights=dict(states["two"].weights))}
