"""What the tests of the APIs share: raw HTTP, problems, people, what is made for them, and forged tokens."""

import base64
import hashlib
import hmac
import io
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Final

import aiohttp
import asyncpg
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from services.requests.seed import read_definitions
from shared.kernel.civil_id import synthetic_civil_id
from shared.kernel.ids import derive_id
from shared.web.auth import AUDIENCE, ISSUER
from simulators.knet.trandata import seal
from tests.conftest import RunningStack
from tests.support import SERVICE, Person, approve, pay, submit, until_status

AGENCY: Final = "moi-traffic"
OFFICER: Final = f"officer:{AGENCY}"
POLICY: Final = f"policy:{AGENCY}"
POLICY_ELSEWHERE: Final = "policy:moh-licensing"
ELSEWHERE: Final = "officer:moh-licensing"
PIN: Final = "1234"
NOT_CAPTURED_CARD: Final = "8888880000000002"
CAPTURED_CARD: Final = "8888880000000001"

HOSPITAL: Final = "moh-hospitals"
CIVIL_ID_CARD: Final = "newborn-civil-id"

_serials = count(1)
_births = count()
_mobiles = count(1_000_100)
_CODE = re.compile(r"\b\d{6}\b")


@dataclass(frozen=True)
class Answered:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str | None:
        """The problem's code; None where it is no problem."""
        is_problem = self.headers.get("Content-Type") == "application/problem+json"
        return self.json["code"] if is_problem else None

    @property
    def is_replay(self) -> bool:
        return self.headers.get("Idempotency-Replayed") == "true"

    def __str__(self) -> str:
        return f"{self.status} {self.code or ''}".strip()


class Http:
    """Requests as a stranger may send them. Every request has a connection of its own, so that none spoils another."""

    def __init__(self, urls: Mapping[str, str], session: aiohttp.ClientSession) -> None:
        self.urls = urls
        self._session = session

    async def send(
        self,
        method: str,
        service: str,
        path: str,
        token: str | None = None,
        *,
        key: str | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        asks_first: bool = False,
    ) -> Answered:
        """The answer; of a live stream only its beginning. `asks_first`: the body follows when it is asked for."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if key is not None:
            sent["Idempotency-Key"] = key
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        url = f"{self.urls[service]}{path}"
        body = None if content is None else io.BytesIO(content)
        async with self._session.request(
            method, url, data=body, headers=sent, allow_redirects=False, expect100=asks_first
        ) as response:
            is_stream = response.content_type == "text/event-stream"
            return Answered(response.status, response.headers.copy(), b"" if is_stream else await response.read())

    async def post(
        self, service: str, path: str, body: Any = None, token: str | None = None, *, key: str | None = None
    ) -> Answered:
        """A command with a new key unless one is given."""
        content = None if body is None else as_json(body)
        return await self.send("POST", service, path, token, key=key or new_key(), content=content)

    async def get(self, service: str, path: str, token: str | None = None) -> Answered:
        return await self.send("GET", service, path, token)

    async def messages(
        self, path: str, token: str, *, after: int | None = None
    ) -> AsyncIterator[tuple[int, str, dict[str, Any]]]:
        """Id, event name and data of each message of a live stream of requests."""
        headers = {"Authorization": f"Bearer {token}"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        async with self._session.get(f"{self.urls['requests']}{path}", headers=headers) as response:
            assert response.status == 200
            fields: dict[str, str] = {}
            async for line in response.content:
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if value:
                    fields[name] = value
                elif not name and "data" in fields:
                    yield int(fields["id"]), fields["event"], json.loads(fields["data"])
                    fields = {}


def as_json(body: Any) -> bytes:
    """JSON as Python writes it: with lone surrogates as they are, and NaN where it is there."""
    return json.dumps(body).encode()


def new_key() -> str:
    return uuid.uuid4().hex


def assert_problem(answered: Answered, status: int, code: str) -> dict[str, Any]:
    """That this is a problem of this code, whole and in both languages; the problem."""
    assert (answered.status, answered.code) == (status, code), answered.text[:2000]
    problem: dict[str, Any] = answered.json
    assert problem_faults(answered) == []
    return problem


def oauth_faults(answered: Answered) -> list[str]:
    """What is missing of an error of RFC 6749, 5.2."""
    if answered.headers.get("Content-Type") != "application/json":
        return [f"{answered.status} is not application/json"]
    is_whole = set(answered.json) == {"error", "error_description"}
    return [] if is_whole and re.fullmatch(r"[a-z_]+", answered.json["error"]) else [f"{answered.text} is no error"]


def problem_faults(answered: Answered) -> list[str]:
    """What is missing of a problem (RFC 9457) that people can read in both languages."""
    if answered.code is None:
        return [f"{answered.status} is not application/problem+json"]
    problem, localized = answered.json, answered.json["localized"]
    languages = {"ar", "en"}
    wrong = {
        "type": problem["type"] != f"urn:afaq:problem:{problem['code']}",
        "status": problem["status"] != answered.status,
        "title": problem["title"] not in localized["title"].values(),
        "detail": problem["detail"] not in localized["detail"].values(),
        "languages": not languages == set(localized["title"]) == set(localized["detail"]),
        "words": not all(localized[part][language] for part in ("title", "detail") for language in languages),
        "trace_id": "trace_id" not in problem,
    }
    return [f"{name} of {answered}" for name, is_wrong in wrong.items() if is_wrong]


def new_civil_id(born_on: date = date(1902, 3, 4)) -> str:
    """A synthetic civil ID that nobody in these tests has yet."""
    while True:
        civil_id = synthetic_civil_id(born_on, next(_serials))
        if civil_id is not None:
            return civil_id


def version_in_force(service_id: str = SERVICE) -> int:
    """Of a service of the catalogue."""
    return next(found.version for found in read_definitions() if found.id == service_id)


def facts(*, expires_in_days: int | None = -100, fines_fils: int | None = 0) -> dict[str, Any]:
    """What the traffic department says of a driver; None leaves a fact out.

    A licence that ended so long ago may be renewed, and is not offered any more: nobody is sent what no test asks for.
    """
    now = datetime.now(UTC)
    told: dict[str, Any] = {"sees_well_enough": True}
    if expires_in_days is not None:
        told["driving_licence_expires_on"] = (now.date() + timedelta(days=expires_in_days)).isoformat()
    if fines_fils is not None:
        told["unpaid_traffic_fines_fils"] = fines_fils
    return {name: {"value": value, "source": AGENCY, "as_of": now.isoformat()} for name, value in told.items()}


def person_form(civil_id: str | None = None, **changes: Any) -> dict[str, Any]:
    """What a registrar posts of somebody who may renew their licence."""
    return {
        "civil_id": civil_id or new_civil_id(),
        "name": {"ar": "شخص للاختبار", "en": "Somebody Tested"},
        "residence": "citizen",
        "mobile": "99999999",
        "email": "somebody@example.test",
        "language": "en",
        "facts": facts(),
    } | changes


def life_event_form(person_id: str) -> dict[str, Any]:
    """What a registry tells of a person's death."""
    noticed_at = datetime.now(UTC) - timedelta(hours=1)
    return {
        "kind": "death",
        "source": AGENCY,
        "number": f"test-{uuid.uuid4().hex}",
        "person_id": person_id,
        "occurred_at": (noticed_at - timedelta(hours=1)).isoformat(),
        "noticed_at": noticed_at.isoformat(),
    }


PDF: Final = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PAPERS: Final = "test-papers"


def a_definition(service_id: str = PAPERS, **changes: Any) -> dict[str, Any]:
    """A service of the tests' own: a paper is handed in, an officer decides, and one may object."""

    def text(words: str) -> dict[str, str]:
        return {"en": words, "ar": f"نص {words}"}

    papers = {"id": "letter", "title": text("A letter"), "why": text("Nobody else has it")}
    return {
        "id": service_id,
        "version": 1,
        "agency": AGENCY,
        "name": text("A service"),
        "description": text("What it does"),
        "audience": ["citizen", "resident"],
        "service_level_working_days": 1,
        "form": {"type": "object", "additionalProperties": False, "properties": {}},
        "eligibility": [],
        "steps": [
            {"kind": "documents", "id": "papers", "title": text("Papers"), "documents": [papers], "within_days": 9},
            {"kind": "agency_task", "id": "review", "agency": AGENCY, "title": text("Review")},
        ],
        "objection": {"agency": AGENCY, "within_days": 30, "title": text("Object")},
    } | changes


async def published(platform: RunningStack, definition: dict[str, Any]) -> None:
    """One policy officer writes it, another publishes it; what is there already stays."""
    writer, reader = [await platform.api.sign_in(role=POLICY, name=name) for name in ("writer", "reader")]
    path = f"/catalogue/services/{definition['id']}/versions/{definition['version']}"
    if await platform.api.find("requests", path, writer) is None:
        drafted = await platform.api.put("requests", path, definition, writer)
        await platform.api.post("requests", f"{path}/publish", {"digest": drafted["digest"]}, reader)


async def a_drafted_version(platform: RunningStack, **changes: Any) -> tuple[str, str]:
    """The path and the digest of a version that waits for its second pair of eyes."""
    definition = a_definition(f"test-{uuid.uuid4().hex[:12]}", **changes)
    path = f"/catalogue/services/{definition['id']}/versions/1"
    writer = await platform.api.sign_in(role=POLICY, name="writer")
    return path, (await platform.api.put("requests", path, definition, writer))["digest"]


async def a_papers_request(platform: RunningStack, person: Person) -> Any:
    """A request that waits for a letter."""
    await published(platform, a_definition())
    return await platform.api.post("requests", "/requests", {"service_id": PAPERS, "form": {}}, person.token)


async def hand_in(http: Http, person: Person, request: Any, content: bytes = PDF) -> Answered:
    """The letter."""
    path, headers = f"/requests/{request['id']}/documents/letter", {"Content-Type": "application/pdf"}
    return await http.send("PUT", "requests", path, person.token, key=new_key(), content=content, headers=headers)


async def a_rejected_request(platform: RunningStack, http: Http, person: Person) -> Any:
    """A request that may be objected to."""
    request = await a_papers_request(platform, person)
    assert (await hand_in(http, person, request)).status == 200
    because = {"decision": "reject", "reason": {"en": "No", "ar": "لا"}}
    task = await task_of(platform, request)
    await platform.api.post(
        "requests", f"/tasks/{task['id']}/decision", because, await platform.api.sign_in(role=OFFICER)
    )
    return await until_status(platform.api, person, request, "rejected")


def in_days(days: int) -> str:
    """An instant, as a frontend writes it."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def representative_form(holder: Person, *scopes: str, days: int = 30) -> dict[str, Any]:
    """What somebody posts who lets another act for them: for these services, for so many days."""
    until = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    return {"civil_id": holder.civil_id, "scopes": list(scopes or (SERVICE,)), "until": until}


async def a_driver(
    platform: RunningStack, contacts: Mapping[str, str | None] | None = None, /, **what: int | None
) -> Person:
    """Somebody of whom `facts(**what)` is known, also in requests."""
    form = person_form(facts=facts(**what), **(contacts or {}))
    registrar = await platform.api.sign_in(role="registrar")
    registered = await platform.api.post("identity", "/persons", form, registrar)
    token = await platform.api.sign_in(civil_id=form["civil_id"])

    async def is_known() -> bool:
        rules = (await eligibility_of(platform, token))["rules"]
        return not any((rule["id"], rule["verdict"]) == ("of-age", "undecided") for rule in rules)

    await platform.api.until(is_known, "person in requests")
    return Person(registered["id"], form["civil_id"], token)


async def a_reachable_driver(platform: RunningStack, mobile: str, email: str | None = None) -> Person:
    """Somebody whom notifications knows how to reach."""
    person = await a_driver(platform, {"mobile": mobile, "email": email or f"{mobile[4:]}@example.test"})

    async def is_known() -> bool:
        rows = await rows_of(platform, "notifications", "select 1 from recipients where person_id = $1", person.id)
        return bool(rows)

    await platform.api.until(is_known, "recipient")
    return person


async def rows_of(platform: RunningStack, service: str, query: str, *values: Any) -> list[Any]:
    """What a service's database holds."""
    connection = await asyncpg.connect(platform.endpoints.dsns[service].owner)
    try:
        return list(await connection.fetch(query, *values))
    finally:
        await connection.close()


async def eligibility_of(platform: RunningStack, token: str, service_id: str = SERVICE) -> Any:
    """What a person is told of one service."""
    told = await platform.api.get("requests", "/eligibility", token)
    return next(found for found in told if found["service_id"] == service_id)


def new_mobile() -> str:
    """A number that nobody in these tests has yet; what is sent to it arrives."""
    return f"+9656{next(_mobiles):07}"


def birth_form(mother: Person, father: Person | None = None, **changes: Any) -> dict[str, Any]:
    """What a hospital tells of a birth of the last weeks; each of another child."""
    serial = next(_births)
    noticed_at = datetime.now(UTC) - timedelta(hours=1)
    occurred_at = noticed_at - timedelta(days=1 + serial // 9 % 40)
    return {
        "kind": "birth",
        "source": HOSPITAL,
        "number": f"birth-{uuid.uuid4().hex}",
        "occurred_at": occurred_at.isoformat(),
        "noticed_at": noticed_at.isoformat(),
        "mother_civil_id": mother.civil_id,
        **({"father_civil_id": father.civil_id} if father else {}),
        "child": {"sex": "female", "birth_order": 1 + serial % 9},
    } | changes


CHILD_NAME: Final = {"ar": "نور التجريبية", "en": "Noor Al-Tajribi"}


async def a_newborn(platform: RunningStack, form: dict[str, Any]) -> str:
    """The id of the child of a birth that a hospital tells of, once it is a person."""
    hospital = await platform.api.sign_in(role=f"officer:{HOSPITAL}")
    registrar = await platform.api.sign_in(role="registrar")
    told = await platform.api.post("identity", "/life-events", form, hospital)
    path = f"/persons/{told['person_id']}"
    await platform.api.until(lambda: platform.api.find("identity", path, registrar), "newborn")
    return str(told["person_id"])


async def a_child(
    platform: RunningStack, mother: Person, father: Person | None = None, *, is_named: bool = False
) -> str:
    """The id of a newborn whose parents are known to be its guardians, also in requests."""
    child_id = await a_newborn(platform, birth_form(mother, father))
    for parent in (mother, father):
        if parent is not None:
            await until_acts_for(platform, parent, child_id)
    if is_named:
        await platform.api.put("identity", f"/persons/{child_id}/name", {"name": CHILD_NAME}, mother.token)
    return child_id


async def until_acts_for(platform: RunningStack, holder: Person, for_id: str) -> None:
    """Requests has heard that one acts for the other."""

    async def has_heard() -> bool:
        status, _ = await on_behalf(platform, "GET", "/eligibility", holder.token, for_id)
        return status == 200

    await platform.api.until(has_heard, "relation in requests")


async def on_behalf(
    platform: RunningStack, method: str, path: str, token: str, for_id: str, body: Any = None
) -> tuple[int, Any]:
    """Status and content of what requests answers somebody who asks for another."""
    headers = {"Authorization": f"Bearer {token}", "On-Behalf-Of": for_id, "Idempotency-Key": new_key()}
    url = f"{platform.endpoints.urls['requests']}{path}"
    async with aiohttp.request(method, url, json=body, headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def an_offer(platform: RunningStack, mother: Person, child_id: str | None = None) -> Any:
    """The offer of a civil ID for a child that has its name."""
    about = child_id or await a_child(platform, mother, is_named=True)

    async def look() -> Any:
        offers = (await platform.api.get("requests", "/offers?limit=100", mother.token))["items"]
        return next((o for o in offers if (o["beneficiary_id"], o["service_id"]) == (about, CIVIL_ID_CARD)), None)

    return await platform.api.until(look, "offer")


async def messages_to(platform: RunningStack, mobile: str) -> list[Any]:
    """The short messages that the companies say they have sent to a number."""
    async with aiohttp.request("GET", f"{platform.endpoints.urls['simulators']}/sms/ledger") as response:
        return [message for message in (await response.json())["messages"] if message["to"] == mobile]


async def code_sent_to(platform: RunningStack, mobile: str, *, nth: int = 1) -> str:
    """The one-time code of the nth message that holds one."""

    async def look() -> str | None:
        codes = [code for message in await messages_to(platform, mobile) if (code := _CODE.search(message["text"]))]
        return codes[nth - 1][0] if len(codes) >= nth else None

    return str(await platform.api.until(look, "one-time code"))


async def a_request(platform: RunningStack, person: Person) -> Any:
    """A request whose fee can be paid."""
    request = await submit(platform.api, person)
    path = f"/payments/{request['payment_id']}"
    await platform.api.until(lambda: platform.api.find("payments", path, person.token), "payment")
    return request


async def a_withdrawn_request(platform: RunningStack, person: Person) -> Any:
    """A request that its applicant has taken back."""
    request = await a_request(platform, person)
    await platform.api.post("requests", f"/requests/{request['id']}/withdraw", None, person.token)
    return request


async def a_returned_request(platform: RunningStack, person: Person) -> Any:
    """A request of which an officer needs to know more."""
    request, task = await an_open_task(platform, person)
    officer = await platform.api.sign_in(role=OFFICER)
    reason = {"ar": "سبب", "en": "A reason"}
    returned = {"decision": "return", "reason": reason}
    await platform.api.post("requests", f"/tasks/{task['id']}/decision", returned, officer)
    await until_status(platform.api, person, request, "needs_information")
    return request


async def an_invitation(platform: RunningStack) -> Any:
    """What a tenant hands on to a landlord."""
    api, tenant = platform.api, await a_driver(platform)
    home = {"governorate": "HA", "area": "Salmiya", "block": "10", "street": "A Street", "building": "7"}
    asked = {"service_id": "address-change", "form": home}
    request = await api.post("requests", "/requests", asked, tenant.token)
    path = f"/requests/{request['id']}/invitations"
    [invitation] = await api.until(lambda: api.get("requests", path, tenant.token), "invitation")
    return invitation


async def an_open_task(platform: RunningStack, person: Person) -> tuple[Any, Any]:
    """A paid request, and the task that an officer has with it."""
    request = await submit(platform.api, person)
    await pay(platform.api, person, request)
    return request, await task_of(platform, request)


async def task_of(platform: RunningStack, request: Any) -> Any:
    """The open task on a request."""
    officer = await platform.api.sign_in(role=OFFICER)

    async def look() -> Any:
        tasks = await open_tasks(platform, officer)
        return next((task for task in tasks if task["request_id"] == request["id"]), None)

    return await platform.api.until(look, "task")


async def open_tasks(platform: RunningStack, officer: str) -> list[Any]:
    """All open tasks of an officer's agency, page by page."""
    tasks: list[Any] = []
    cursor = ""
    while True:
        page = await platform.api.get("requests", f"/tasks?limit=100{cursor}", officer)
        tasks += page["items"]
        if page["next_cursor"] is None:
            return tasks
        cursor = f"&cursor={page['next_cursor']}"


async def a_renewal(platform: RunningStack, person: Person) -> dict[str, Any]:
    """A renewal from its submission to its document: the ids of all that there is of it."""
    request, task = await an_open_task(platform, person)
    await approve(platform.api, request)
    done = await until_status(platform.api, person, request, "fulfilled")
    document = await platform.api.get("requests", f"/documents/{done['document_id']}", person.token)
    return {
        "person_id": person.id,
        "request_id": request["id"],
        "task_id": task["id"],
        "payment_id": request["payment_id"],
        "document_id": done["document_id"],
        "code": document["code"],
    }


def secrets_of(platform: RunningStack) -> Mapping[str, str]:
    """The secrets of this stack: a test may know what an attacker may not."""
    kept: dict[str, str] = json.loads((platform.directory / "secrets.json").read_text())
    return kept


def sealed_callback(platform: RunningStack, payment_id: str) -> bytes:
    """A callback that says CAPTURED, made by somebody who knows the terminal's key."""
    query = f"paymentid=1&result=CAPTURED&auth=1&ref=1&tranid=1&postdate=0101&trackid=1&amt=10.000&udf1={payment_id}"
    return f"trandata={seal(query, secrets_of(platform)['knet.resource_key'].encode())}".encode()


class Forger:
    """Makes tokens as identity does, and as an attacker would."""

    def __init__(self, platform: RunningStack) -> None:
        self._key = ECKey.import_key(secrets_of(platform)["identity.signing_key"])
        self._kid = str(derive_id("signing-key", self._key.thumbprint()))

    def claims(self, subject: str, roles: list[str]) -> dict[str, Any]:
        """Those of a token that is good for five minutes."""
        now = int(time.time())
        who = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "roles": roles, "assurance": 3}
        return who | {"iat": now, "exp": now + 300, "jti": uuid.uuid4().hex}

    def signed(self, claims: Mapping[str, Any], **header: Any) -> str:
        """With the platform's own key. A claim that is None is left out."""
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": self._kid} | header, given, self._key, algorithms=["ES256"])

    def signed_by_another(self, claims: Mapping[str, Any]) -> str:
        """With a key that was made up, under the name of the platform's."""
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        header = {"alg": "ES256", "kid": self._kid}
        return jwt.encode(header, dict(claims), ECKey.import_key(pem), algorithms=["ES256"])

    def bringing_its_own_key(self, claims: Mapping[str, Any]) -> str:
        """With a made up key whose public half the token's header offers."""
        key = ECKey.generate_key("P-256")
        header = {"alg": "ES256", "kid": self._kid, "jwk": key.as_dict(private=False)}
        return jwt.encode(header, dict(claims), key, algorithms=["ES256"])

    def unsigned(self, claims: Mapping[str, Any]) -> str:
        """With `alg` none."""
        return f"{_part({'alg': 'none', 'kid': self._kid})}.{_part(claims)}."

    def signed_with_the_public_key(self, claims: Mapping[str, Any]) -> str:
        """HS256, where the secret is the public key that everybody knows."""
        text = f"{_part({'alg': 'HS256', 'kid': self._kid})}.{_part(claims)}"
        signature = hmac.new(self._key.as_pem(private=False), text.encode(), hashlib.sha256).digest()
        return f"{text}.{_base64(signature)}"

    def altered(self, token: str, claims: Mapping[str, Any]) -> str:
        """A good token's signature under other claims."""
        header, _, signature = token.split(".")
        return f"{header}.{_part(claims)}.{signature}"

    def with_header(self, header: Any) -> str:
        """Something that looks like a token, with a header of any kind."""
        return f"{_part(header)}.{_part({})}.{_base64(b'x' * 64)}"


def _part(value: Any) -> str:
    return _base64(json.dumps(value).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
