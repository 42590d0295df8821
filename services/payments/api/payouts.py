"""What agencies pay to people: the account that a person has named, and their payouts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.payments.domain.payout import Payout, Status, payout
from services.payments.domain.payout_account import NameAccount, PayoutAccount, payout_account
from services.payments.queries import payouts_of_payee
from shared.contracts.personal import Erased
from shared.kernel.iban import iban_in
from shared.kernel.text import LocalizedText
from shared.web.auth import Citizen
from shared.web.commands import IdempotencyKey, TheShell, perform
from shared.web.pages import Page, PageQuery, newest_first
from shared.web.problems import Problem

router = APIRouter(tags=["payouts"])

_SHOWN = 4


class AccountForm(BaseModel):
    """The account that the caller wants to be paid to."""

    model_config = ConfigDict(extra="forbid")

    iban: Annotated[str, StringConstraints(min_length=15, max_length=60)]


class AccountView(BaseModel):
    """The account by its last digits; null where none was named."""

    iban_ends_in: str | None

    @staticmethod
    def of(_: UUID, state: PayoutAccount) -> "AccountView":
        """The view of a state."""
        ibans = () if isinstance(state.ibans, Erased) else state.ibans
        return AccountView(iban_ends_in=ibans[-1][-_SHOWN:] if ibans else None)


class PayoutView(BaseModel):
    """A payout; `needs_account`: the person has to name an account first, or another."""

    id: UUID
    request_id: UUID
    status: Status
    amount_fils: int
    description: LocalizedText | None

    @staticmethod
    def of(id: UUID, state: Payout) -> "PayoutView":
        """The view of a state."""
        return PayoutView(
            id=id,
            request_id=state.for_id,
            status=state.status,
            amount_fils=state.amount_fils,
            description=state.description,
        )


@router.get("/payout-account")
async def get_account(caller: Citizen, shell: TheShell) -> AccountView:
    """The account that the caller has named."""
    loaded = await shell.state(payout_account, caller.id)
    return AccountView.of(caller.id, loaded.state if loaded else PayoutAccount())


@router.put("/payout-account", response_model=AccountView)
async def name_account(form: AccountForm, caller: Citizen, key: IdempotencyKey, shell: TheShell) -> Response:
    """Names the account that the caller is paid to from now on; what has waited for one is paid."""
    try:
        iban = iban_in(form.iban)
    except ValueError:
        raise Problem("iban-invalid") from None
    send = payout_account.send(caller.id, NameAccount(caller.id, iban))
    return await perform(shell, send, caller=caller, key=key, answer=AccountView.of, status=200)


@router.get("/payouts")
async def list_payouts(caller: Citizen, shell: TheShell, page: PageQuery) -> Page[PayoutView]:
    """What the caller was paid, or is to be paid, newest first."""
    ids = await payouts_of_payee(shell.parts.pool, caller.id, page.before, page.limit + 1)
    views = [PayoutView.of(id, state) for id, state in await shell.states(payout, ids)]
    return newest_first(views, page, lambda view: view.id)
