"""Documents that applicants hand in: what they are is read off their content, not off their names."""

from collections.abc import Mapping
from uuid import UUID

MEDIA_TYPES: Mapping[str, str] = {"pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png"}
_BEGINNINGS: Mapping[str, bytes] = {"pdf": b"%PDF-", "jpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n"}
_ENDS: Mapping[str, bytes] = {"pdf": b"%%EOF", "jpeg": b"\xff\xd9", "png": b"IEND\xaeB`\x82"}
_LOOKED_AT_BYTES = 1024


def kind_of(content: bytes) -> str | None:
    """What a file is by its first and last bytes (ISO 32000, ITU-T T.81, PNG): whole, and one of ours; else None."""
    for kind, beginning in _BEGINNINGS.items():
        if content.startswith(beginning) and _ENDS[kind] in content[-_LOOKED_AT_BYTES:]:
            return kind
    return None


def place_of(upload_id: UUID) -> str:
    """Where an upload is kept."""
    return f"uploads/{upload_id.hex[-2:]}/{upload_id}"
