"""HTTP of payments: a payer sees and pays their fees; the gateway's callback and the browser's return come here."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from pydantic import BaseModel

from services.payments.domain.payment import AttemptStatus, Payment, StartAttempt, Status, payment
from services.payments.effects import InquireAttempt, InquireBasket
from services.payments.knet import KnetTerminal, Unreadable
from services.payments.queries import Balance, balances, payments_of_payer
from shared.contracts.personal import Erased
from shared.functions import Decider
from shared.kernel.ids import new_id
from shared.kernel.text import LocalizedText
from shared.store.job_runner import JobRunner
from shared.store.shell import Shell
from shared.web.auth import Caller, Citizen, Operator
from shared.web.commands import IdempotencyKey, TheJobs, TheShell, perform
from shared.web.pages import Page, PageQuery, newest_first
from shared.web.problems import Problem

router = APIRouter()
S = TypeVar("S")
_RETURN_PAGE = (Path(__file__).parent.parent / "return.html").read_text(encoding="utf-8")


class AttemptView(BaseModel):
    """One visit to the gateway; `basket_id`: made for several payments together, and the page is the basket's."""

    id: UUID
    number: int
    status: AttemptStatus
    result: str | None
    basket_id: UUID | None


class PaymentView(BaseModel):
    """A payment as its payer sees it; `page_url` is where to pay while an attempt is open."""

    id: UUID
    request_id: UUID
    status: Status
    amount_fils: int
    description: LocalizedText | None
    due_by: datetime | None
    page_url: str | None
    attempts: Sequence[AttemptView]

    @staticmethod
    def of(id: UUID, state: Payment) -> "PaymentView":
        """The view of a state."""
        attempts = sorted(state.attempts.values(), key=lambda attempt: attempt.number)
        return PaymentView(
            id=id,
            request_id=state.for_id,
            status=state.status,
            amount_fils=state.amount_fils,
            description=state.description,
            due_by=state.due_by,
            page_url=None if isinstance(state.page_url, Erased) else state.page_url,
            attempts=[
                AttemptView(id=a.id, number=a.number, status=a.status, result=a.result, basket_id=a.basket_id)
                for a in attempts
            ],
        )


class LedgerView(BaseModel):
    """The accounts, and their sum: always nothing."""

    accounts: Sequence[Balance]
    sum_fils: int


@router.get("/payments", tags=["payments"])
async def list_payments(
    caller: Citizen, shell: TheShell, page: PageQuery, request_id: Annotated[UUID | None, Query()] = None
) -> Page[PaymentView]:
    """The caller's payments, newest first."""
    ids = await payments_of_payer(shell.parts.pool, caller.id, page.before, page.limit + 1, request_id)
    views = [PaymentView.of(id, state) for id, state in await shell.states(payment, ids)]
    return newest_first(views, page, lambda view: view.id)


@router.get("/payments/{payment_id}", tags=["payments"])
async def get_payment(payment_id: UUID, caller: Citizen, shell: TheShell) -> PaymentView:
    """One payment of the caller."""
    return PaymentView.of(payment_id, await own(shell, caller, payment, payment_id))


@router.post("/payments/{payment_id}/attempts", status_code=201, response_model=PaymentView, tags=["payments"])
async def start_attempt(
    payment_id: UUID, caller: Citizen, key: IdempotencyKey, shell: TheShell, jobs: TheJobs
) -> Response:
    """Starts paying: `page_url` of the answer is the gateway's page. While one is open, the same page comes again.

    202 with `Retry-After` where the gateway has not given a page within five seconds: ask for the payment again.
    """
    await own(shell, caller, payment, payment_id)
    command = payment.send(payment_id, StartAttempt(new_id()))
    done = await perform(shell, command, caller=caller, key=key, answer=PaymentView.of, status=201)
    await jobs.perform_now(payment_id)
    view = PaymentView.of(payment_id, await own(shell, caller, payment, payment_id))
    return answer_with_page(done, view, is_awaited=view.attempts[-1].status is AttemptStatus.STARTED)


def answer_with_page(done: Response, view: BaseModel, *, is_awaited: bool) -> Response:
    """The answer as it is by now: the page is there, or another attempt goes on; 202 while the gateway gives none."""
    done.body = view.model_dump_json().encode()
    done.headers["Content-Length"] = str(len(done.body))
    if is_awaited:
        done.status_code = 202
        done.headers["Retry-After"] = "2"
    return done


@router.get("/ledger/balances", tags=["ledger"])
async def ledger(caller: Operator, shell: TheShell) -> LedgerView:
    """Every account's balance."""
    accounts = await balances(shell.parts.pool)
    return LedgerView(accounts=accounts, sum_fils=sum(account.balance_fils for account in accounts))


@router.post("/gateway/knet/notification", response_class=PlainTextResponse, tags=["gateway"])
async def knet_notification(request: Request, shell: TheShell, jobs: TheJobs) -> str:
    """The gateway's callback: a hint to ask it now. It is not believed, and a repeat changes nothing."""
    terminal: KnetTerminal = request.app.state.terminal
    try:
        form = dict(parse_qsl((await request.body()).decode("ascii")))
        payment_id = UUID(terminal.read_notification(form["trandata"])["udf1"])
    except (Unreadable, KeyError, ValueError):
        raise Problem("gateway-message-unreadable") from None
    await _ask_now(shell, jobs, payment_id)
    return f"REDIRECT={str(request.app.state.settings.public_url).rstrip('/')}/gateway/knet/return"


@router.get("/gateway/knet/return", response_class=HTMLResponse, tags=["gateway"])
async def knet_return() -> str:
    """Where the browser comes back to. It shows nothing of the payment, because anybody can open it."""
    return _RETURN_PAGE


async def _ask_now(shell: Shell, jobs: JobRunner, payment_id: UUID) -> None:
    await jobs.perform_now(payment_id)
    for inquiry in (InquireAttempt, InquireBasket):
        await shell.hasten(inquiry, payment_id)
    await jobs.perform_now(payment_id)


async def own(shell: Shell, caller: Caller, decider: Decider[S, Any, Any, Any], id: UUID) -> S:
    """What the caller pays; not found where it is somebody else's."""
    loaded = await shell.state(decider, id)
    if loaded is None or loaded.state.payer_id != caller.id:
        raise Problem("not-found")
    state: S = loaded.state
    return state
