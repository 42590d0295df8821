"""A birth: a hospital tells of it, the parents name the child, and what follows comes to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from afaq.demo.acts import Say, approve, messages_about, pay, until_fulfilled, verify
from afaq.demo.client import Api
from afaq.demo.people import SyntheticPerson

FEE_FILS = 5_000
NAME = {"ar": "نور خالد المثالي", "en": "Noor Khaled Al-Mithali"}


@dataclass(frozen=True)
class Parents:
    """Maryam and Khaled, and the messages that the birth has brought them."""

    maryam: str
    khaled: str


@dataclass(frozen=True)
class Told:
    """A message as its channel has it."""

    channel: str
    to: str
    text: str


async def register_parents(api: Api, parents: tuple[SyntheticPerson, SyntheticPerson]) -> Parents:
    """Registers both, here and with the national sign-in."""
    registrar = await api.sign_in(role="registrar")
    ids = [(await api.post("identity", "/persons", person.form, registrar))["id"] for person in parents]
    for id, person in zip(ids, parents, strict=True):
        claims = {"civil_id": person.civil_id, "acr": "urn:afaq:substantial"}
        await api.put("sign-in", f"/users/{id}", claims)
    return Parents(*ids)


async def be_born(
    api: Api, urls: Mapping[str, str], parents: Parents, people: tuple[SyntheticPerson, SyntheticPerson], say: Say
) -> list[Told]:
    """Plays it all; what was sent to the parents besides their inboxes."""
    mother, father = people
    maryam = (await api.sign_in_at_provider(parents.maryam))["access_token"]
    khaled = (await api.sign_in_at_provider(parents.khaled))["access_token"]
    say("Maryam and Khaled have signed in at the national sign-in")
    report = {"mother_civil_id": mother.civil_id, "father_civil_id": father.civil_id, "sex": "female", "how": "twice"}
    await _post(f"{urls['simulators']}/hospital/births", report)
    say("— the hospital tells of a birth, twice by mistake: one child, one certificate, one offer")
    task = await _first(api, "requests", "/tasks", maryam, "task for the parents")
    say(f"Maryam and Khaled are asked for the one thing that is missing: “{task['title']['en']}”")
    (need,) = task["needs"]
    await api.put(need["service"], need["path"], {"name": NAME}, khaled)
    say(f"Khaled names the child: {NAME['en']}; Maryam is not asked any more")
    certificate = await until_fulfilled(api, task["request_id"], maryam)
    document = await verify(api, certificate["document_id"], maryam)
    say(f"The birth certificate is issued without anyone asking; it verifies with {document['code']}")
    offer = await _first(api, "requests", "/offers", maryam, "offer of the civil ID")
    why = await api.get("requests", f"/offers/{offer['id']}/why", maryam)
    say(f"Maryam is offered: {offer['name']['en']}, KWD 5.000, until {offer['expires_at'][:10]}")
    say(f"  why? {why['reason']['en']} Told by {why['occasion']['source']}; {len(why['rules'])} rules passed")
    request = await api.post("requests", f"/offers/{offer['id']}/accept", {}, maryam)
    say(f"Maryam accepts with one tap: {request['reference']}")
    await pay(api, request["payment_id"], maryam, lambda text: say(f"Maryam {text}"))
    await approve(api, "paci", request["id"])
    say("— the civil register's officer enters the child")
    done = await until_fulfilled(api, request["id"], maryam)
    card = await verify(api, done["document_id"], maryam)
    say(f"Noor has her civil ID, valid until {card['valid_until']}")
    await messages_about(api, maryam, request["id"], until="document-issued")
    await _until_sent(api, maryam, "sms")
    await _until_sent(api, khaled, "email")
    (told,) = await messages_about(api, maryam, offer["id"], until="offer-made")
    inbox = [Told("inbox", "Maryam", f"{told['title'][lang]}\n\n{told['body'][lang]}") for lang in ("ar", "en")]
    return [*inbox, *await _sent_to(urls, mother, father)]


async def _first(api: Api, service: str, path: str, token: str, what: str) -> Any:
    async def look() -> Any:
        items = (await api.get(service, path, token))["items"]
        return items[0] if items else None

    return await api.until(look, what)


async def _sent_to(urls: Mapping[str, str], *people: SyntheticPerson) -> list[Told]:
    """What the companies and the mail server say that they have for these people."""
    mobiles, addresses = ({person.form[kind] for person in people} for kind in ("mobile", "email"))
    short = [m for m in (await _get(f"{urls['simulators']}/sms/ledger"))["messages"] if m["to"] in mobiles]
    mail = [m for m in await _get(f"{urls['simulators']}/mail/ledger") if addresses & set(m["to"])]
    told = [Told(f"SMS by {m['company']}", m["to"], m["text"]) for m in short]
    return told + [Told("mail", ", ".join(m["to"]), f"{m['subject']}\n\n{m['text'].strip()}") for m in mail]


async def _until_sent(api: Api, token: str, channel: str) -> None:
    """Until the newest message has gone, by this channel."""

    async def look() -> bool:
        newest = (await api.get("notifications", "/inbox", token))["items"][0]
        return any(a["channel"] == channel and a["status"] in ("sent", "delivered") for a in newest["sent_by"])

    await api.until(look, f"message by {channel}")


async def _get(url: str) -> Any:
    async with aiohttp.request("GET", url) as response:
        return await response.json()


async def _post(url: str, body: Any) -> None:
    async with aiohttp.request("POST", url, json=body) as response:
        response.raise_for_status()
