"""Builders of sessions in every state."""

from collections.abc import Mapping

from services.identity.domain.session import (
    TRANSITIONS,
    EndSession,
    PersonGone,
    RedeemCode,
    RefreshTokens,
    Session,
    StartSession,
    session,
)
from tests.unit.builders import NOW, Life, an_id

SIGNED_IN = StartSession(an_id("person"), "national", "a-frontend", ("citizen",), 2, NOW)


def a_session(*messages: object) -> Life:
    """Somebody has signed in, and what has happened since."""
    life = Life(session, transitions=TRANSITIONS)
    life.send(SIGNED_IN, *messages)
    return life


def sessions_in_every_state() -> Mapping[str, Session]:
    """A session in each status."""
    return {
        "absent": Session(),
        "started": a_session().state,
        "active": a_session(RedeemCode()).state,
        "refreshed": a_session(RedeemCode(), RefreshTokens(1)).state,
        "signed out": a_session(RedeemCode(), EndSession()).state,
        "ended before it was active": a_session(PersonGone()).state,
        "ended for a code that came twice": a_session(RedeemCode(), RedeemCode()).state,
    }
