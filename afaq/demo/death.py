"""A death: what ran for the person ends, the fee is given back, and nobody writes to them."""

from datetime import UTC, datetime
from typing import Any

from afaq.demo.acts import Say, pay
from afaq.demo.client import Api
from afaq.demo.people import SyntheticPerson
from afaq.demo.renewal import SERVICE


async def die(api: Api, person: SyntheticPerson, say: Say) -> None:
    """Somebody has asked for a renewal and paid; then a registry tells of their death."""
    token = await api.sign_in(civil_id=person.civil_id)
    name = person.form["name"]["en"].split()[0]
    submission = {"service_id": SERVICE, "form": {"delivery": "digital"}}
    request = await api.post("requests", "/requests", submission, token)
    await pay(api, request["payment_id"], token, lambda _: None)
    await api.until(lambda: _is(api, request["id"], token, "waits_for", "agency"), "request at the agency")
    say(f"{name} has submitted a renewal and paid; it waits for the agency")
    before = len((await api.get("notifications", "/inbox", token))["items"])
    registry, now = await api.sign_in(role="officer:moh-registry"), datetime.now(UTC).isoformat()
    notice = {"kind": "death", "source": "moh-registry", "number": "D-0001", "civil_id": person.civil_id}
    told = {**notice, "occurred_at": now, "noticed_at": now}
    await api.post("identity", "/life-events", told, registry)
    say(f"— the registry of deaths tells that {name} has died")
    await api.until(lambda: _is(api, request["id"], token, "status", "withdrawn"), "withdrawal")
    say("The request is withdrawn, and no officer finds it in the queue any more")
    refunded = await api.until(lambda: _refunded(api, request["payment_id"], token), "refund")
    say(f"The fee goes back: KWD {refunded / 1000:.3f}")
    after = len((await api.get("notifications", "/inbox", token))["items"])
    say(f"Messages to {name} since then: {after - before}")


async def _is(api: Api, request_id: str, token: str, field: str, value: str) -> Any:
    found = await api.get("requests", f"/requests/{request_id}", token)
    return found if found[field] == value else None


async def _refunded(api: Api, payment_id: str, token: str) -> int | None:
    payment = await api.get("payments", f"/payments/{payment_id}", token)
    is_back = any(attempt["status"] == "refunded" for attempt in payment["attempts"])
    return int(payment["amount_fils"]) if is_back else None
