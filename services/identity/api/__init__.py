"""HTTP of identity: persons, what registries tell of their lives, who acts for whom, and sign-in."""

from fastapi import APIRouter

from services.identity.api import life_events, local, persons, relations, sign_in

router = APIRouter()
for _part in (persons, life_events, relations, sign_in):
    router.include_router(_part.router)
local_router = local.router
