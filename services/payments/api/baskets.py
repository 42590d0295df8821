"""Several fees paid with one visit to the gateway, all or none."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.payments.api.payments import answer_with_page, own
from services.payments.domain.basket import Basket, GatherBasket, Status, basket
from services.payments.domain.payment import JoinBasket, payment
from shared.contracts.personal import Erased
from shared.kernel.ids import derive_id
from shared.store.shell import Shell
from shared.web.auth import Caller, Citizen
from shared.web.commands import IdempotencyKey, TheJobs, TheShell, perform
from shared.web.documents import MAY_BE_UNKNOWN
from shared.web.problems import Problem

router = APIRouter(tags=["baskets"])

MOST = 20
"""One gateway page is for so many payments at most."""


def _all_different(ids: Sequence[UUID]) -> Sequence[UUID]:
    if len(set(ids)) < len(ids):
        raise ValueError("each payment once")
    return ids


class BasketForm(BaseModel):
    """Payments of the caller that are to be paid together."""

    model_config = ConfigDict(extra="forbid")

    payment_ids: Annotated[Sequence[UUID], Field(min_length=2, max_length=MOST), AfterValidator(_all_different)]


class BasketView(BaseModel):
    """A basket as its payer sees it; `page_url` is where to pay while it is open."""

    id: UUID
    status: Status
    amount_fils: int
    payment_ids: Sequence[UUID]
    result: str | None
    page_url: str | None

    @staticmethod
    def of(id: UUID, state: Basket) -> "BasketView":
        """The view of a state."""
        return BasketView(
            id=id,
            status=state.status,
            amount_fils=state.amount_fils,
            payment_ids=list(state.payments),
            result=state.result,
            page_url=None if isinstance(state.page_url, Erased) else state.page_url,
        )


@router.post("/baskets", status_code=201, response_model=BasketView, responses=MAY_BE_UNKNOWN)
async def gather_basket(
    form: BasketForm, caller: Citizen, key: IdempotencyKey, shell: TheShell, jobs: TheJobs
) -> Response:
    """Starts paying several fees at once, all or none: `page_url` of the answer is the gateway's page.

    Until the gateway has decided, none of them can be paid in another way. If it ends without money, each is open as
    before: pay it alone, or gather another basket. Who withdraws a request meanwhile gets its part back.
    202 with `Retry-After` where the gateway has not given a page within five seconds: ask for the basket again.
    """
    basket_id = derive_id("basket", key.id)
    amounts = await _amounts(shell, caller, form.payment_ids)
    gather = basket.send(basket_id, GatherBasket(caller.id, amounts))
    join = [payment.send(id, JoinBasket(basket_id, amount)) for id, amount in amounts.items()]
    done = await perform(shell, gather, *join, caller=caller, key=key, answer=BasketView.of, status=201)
    await jobs.perform_now(basket_id)
    view = BasketView.of(basket_id, await own(shell, caller, basket, basket_id))
    return answer_with_page(done, view, is_awaited=view.status is Status.STARTED)


@router.get("/baskets/{basket_id}")
async def get_basket(basket_id: UUID, caller: Citizen, shell: TheShell) -> BasketView:
    """One basket of the caller."""
    return BasketView.of(basket_id, await own(shell, caller, basket, basket_id))


async def _amounts(shell: Shell, caller: Caller, payment_ids: Sequence[UUID]) -> dict[UUID, int]:
    found = dict(await shell.states(payment, payment_ids))
    if any(id not in found or found[id].payer_id != caller.id for id in payment_ids):
        raise Problem("not-found")
    return {id: found[id].amount_fils for id in payment_ids}
