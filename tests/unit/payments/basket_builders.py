"""Builders of baskets: messages, and baskets in every state."""

from collections.abc import Mapping

from services.payments.domain.basket import TRANSITIONS, Basket, GatherBasket, basket
from services.payments.domain.payment import (
    CAPTURED,
    GatewayAnswered,
    PageNotOpened,
    PageOpened,
    RefundConfirmed,
    RefundNotConfirmed,
)
from tests.unit.builders import NOW, Life, an_id

BASKET_ID = an_id("basket")
FINE, FEE = an_id("payment of a fine"), an_id("payment of a fee")
AMOUNTS = {FINE: 30_000, FEE: 10_000}
TOTAL_FILS = 40_000


def a_page() -> PageOpened:
    """The gateway's page for all."""
    return PageOpened(BASKET_ID, f"https://gateway.test/{BASKET_ID}", NOW)


def an_answer(result: str = CAPTURED, amount_fils: int = TOTAL_FILS) -> GatewayAnswered:
    """What the gateway says of it."""
    return GatewayAnswered(BASKET_ID, result, amount_fils, f"ref-{BASKET_ID}", NOW)


def a_basket(*messages: object) -> Life:
    """A basket of two payments, and what has happened since."""
    life = Life(basket, transitions=TRANSITIONS)
    life.send(GatherBasket(an_id("payer"), AMOUNTS), *messages)
    return life


def baskets_in_every_state() -> Mapping[str, Basket]:
    """A basket in each status."""
    no_page, other_amount = PageNotOpened(BASKET_ID), an_answer(amount_fils=1)
    refunded, stuck = RefundConfirmed(BASKET_ID, "ref"), RefundNotConfirmed(BASKET_ID)
    lives = {
        "started": a_basket(),
        "open": a_basket(a_page()),
        "captured": a_basket(a_page(), an_answer()),
        "failed": a_basket(a_page(), an_answer("NOT CAPTURED")),
        "no page": a_basket(no_page),
        "refund due, another amount": a_basket(a_page(), other_amount),
        "refund due, no page": a_basket(no_page, an_answer()),
        "refund stuck": a_basket(a_page(), other_amount, stuck),
        "refunded": a_basket(a_page(), other_amount, refunded),
    }
    return {"absent": Basket(), **{name: life.state for name, life in lives.items()}}
