"""Whether this process lives, and whether it works."""

import asyncio

from fastapi import APIRouter, Request, Response

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> dict[str, str | bool]:
    """The process answers."""
    return {"simulator": True, "status": "live"}


@router.get("/ready")
async def ready(request: Request, response: Response) -> dict[str, str | bool]:
    """The ledgers are open and the desk's loop runs; 503 once the loop has died."""
    desk_run = request.app.state.desk_run
    assert isinstance(desk_run, asyncio.Task)
    if desk_run.done():
        response.status_code = 503
        return {"simulator": True, "status": "agency desk stopped"}
    return {"simulator": True, "status": "ready"}
