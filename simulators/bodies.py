"""Request bodies of strangers: read up to a limit, and taken apart strictly."""

from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

BODY_LIMIT_BYTES = 16 * 1024
FIELD_LIMIT_COUNT = 40


async def read_limited(request: Request) -> bytes:
    """The body, or 413 once it is longer than the limit; what a sender says about its length is not trusted."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise HTTPException(413, "SIMULATOR: the body is too long")
    return bytes(body)


def parse_fields(text: str) -> dict[str, str]:
    """Fields of a query string or form; blank ones are kept.

    Raises ValueError for a field that is given twice: which of the two counts would be a guess.
    """
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELD_LIMIT_COUNT)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields
