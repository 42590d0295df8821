"""The header by which every answer says what gave it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Simulator"
HEADER_TEXT = "Afaq simulators: no real bank, agency, message or birth"


class SayingSimulator:
    """Puts the header on every answer, whichever layer below gave it."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through; add the header to the start of an answer."""

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (HEADER.lower().encode(), HEADER_TEXT.encode())]
            await send(message)

        await self._app(scope, receive, send_with_header)
