from dataclasses import replace

import pytest

from services.identity.domain.session import (
    EndSession,
    PersonGone,
    RedeemCode,
    RefreshTokens,
    Status,
    session,
)
from shared.contracts.identity import SessionEnded, SessionRefreshed, SessionStarted
from tests.unit.builders import Life, a_life, an_id
from tests.unit.identity.session_builders import SIGNED_IN, a_session


def why(life: Life) -> list[str]:
    """For what reasons the session has ended."""
    return [event.reason for event in life.of(SessionEnded)]


def test_who_signs_in_starts_one_session() -> None:
    life = a_session(replace(SIGNED_IN, acting_as=an_id("somebody else")))
    assert len(life.of(SessionStarted)) == 1
    assert (life.state.status, life.state.acting_as) == (Status.STARTED, SIGNED_IN.acting_as)


def test_a_code_is_good_once() -> None:
    life = a_session(RedeemCode())
    assert (life.state.status, life.state.token_number) == (Status.ACTIVE, 1)


@pytest.mark.parametrize("since", [(), (RefreshTokens(1), RefreshTokens(2))])
def test_a_code_that_comes_twice_ends_the_session(since: tuple[object, ...]) -> None:
    life = a_session(RedeemCode(), *since, RedeemCode())
    assert (life.state.status, why(life)) == (Status.ENDED, ["code-reused"])


def test_a_refresh_token_is_good_once_and_the_next_one_after_it() -> None:
    life = a_session(RedeemCode(), RefreshTokens(1), RefreshTokens(2))
    assert [event.token_number for event in life.of(SessionRefreshed)] == [1, 2, 3]
    assert life.state.status is Status.ACTIVE


@pytest.mark.parametrize("older", [1, 2])
def test_an_older_refresh_token_ends_the_session(older: int) -> None:
    life = a_session(RedeemCode(), RefreshTokens(1), RefreshTokens(2), RefreshTokens(older))
    assert (life.state.status, why(life)) == (Status.ENDED, ["token-reused"])
    life.send(RefreshTokens(3))
    assert life.refusal == "session-ended"


def test_a_refresh_token_that_was_never_given_out_is_refused_and_ends_nothing() -> None:
    life = a_session(RedeemCode())
    assert (life.send(RefreshTokens(2)), life.refusal) == ([], "session-ended")
    assert life.state.status is Status.ACTIVE


@pytest.mark.parametrize("end", [EndSession(), PersonGone()])
def test_after_the_end_nothing_is_given_out(end: object) -> None:
    for since in ((), (RedeemCode(),)):
        life = a_session(*since, end)
        assert life.send(RedeemCode(), SIGNED_IN, EndSession(), PersonGone()) == []
        assert (life.send(RefreshTokens(1)), life.refusal) == ([], "session-ended")
        assert life.state.status is Status.ENDED
        assert len(why(life)) == 1


def test_before_the_code_is_redeemed_there_is_nothing_to_refresh() -> None:
    for number in (0, 1):
        assert a_session(RefreshTokens(number)).refusal == "session-ended"


def test_of_a_session_that_never_was_nothing_comes() -> None:
    assert a_life(session, RedeemCode(), EndSession(), PersonGone()).events == []
    assert a_life(session, RefreshTokens(0)).refusal == "session-ended"
