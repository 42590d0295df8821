"""HTTP of payments: a payer sees and pays their fees; a person names the account that they are paid to."""

from fastapi import APIRouter

from services.payments.api import baskets, payments, payouts

router = APIRouter()
for _part in (payments, baskets, payouts):
    router.include_router(_part.router)
