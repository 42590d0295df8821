"""Sign-in as frontends have it: who it is, is proven at the provider, and nothing that was overheard is good for more.

The provider is a mock that believes whoever it is told to be; it also says in ID tokens whatever it is told to say.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID, uuid4

import pytest

from afaq.local.stack import PORTAL, PORTAL_ADDRESS
from afaq.services import NAMES
from shared.contracts.topics import IDENTITY_EVENTS
from shared.kernel.ids import derive_id
from tests.api.conftest import World
from tests.api.sign_in import (
    FORM,
    HIGH,
    SUBSTANTIAL,
    Sealer,
    SignIn,
    asking,
    at_provider,
    authorize,
    begin,
    claims_of,
    come_back,
    frontend_gets,
    known_there,
    path_of,
    post_form,
    redeem,
    redemption,
    refresh,
    returned,
    s256,
    signed_in,
    tell_provider,
)
from tests.api.support import (
    OFFICER,
    Answered,
    Forger,
    Http,
    a_driver,
    assert_problem,
    life_event_form,
    new_civil_id,
    oauth_faults,
)
from tests.conftest import RunningStack
from tests.support import Person, as_text, everything_on

READS = {"identity": "/me", "requests": "/requests", "payments": "/payments", "notifications": "/inbox"}


@pytest.fixture
async def person(platform: RunningStack, http: Http) -> Person:
    """Somebody of ours who can sign in at the national sign-in."""
    person = await a_driver(platform)
    await known_there(http, person)
    return person


def assert_refused(answered: Answered, error: str = "invalid_grant") -> None:
    assert (answered.status, oauth_faults(answered)) == (400, []), answered.text
    assert answered.json["error"] == error


def issuer_of(platform: RunningStack) -> str:
    return platform.endpoints.urls["identity"]


# The whole way.


async def test_a_frontend_finds_its_way_by_itself(platform: RunningStack, http: Http) -> None:
    told = (await http.get("identity", "/.well-known/oauth-authorization-server")).json
    base = issuer_of(platform)
    assert told["issuer"] == base
    assert told["authorization_endpoint"] == f"{base}/authorize"
    assert told["token_endpoint"] == f"{base}/token"
    assert told["revocation_endpoint"] == f"{base}/revoke"
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_response_iss_parameter_supported"] is True


async def test_the_browser_goes_to_the_provider_and_only_it_can_come_back(platform: RunningStack, http: Http) -> None:
    answered = await authorize(http, asking(ui_locales="ar en"))
    assert answered.status == 303
    cookie = answered.headers["Set-Cookie"]
    for attribute in ("HttpOnly", "Path=/sign-in/callback", "SameSite=lax", "Max-Age=600"):
        assert attribute.lower() in cookie.lower().split("; ")
    sign_in = await begin(http)
    asked = sign_in.provider_asked
    assert sign_in.provider_url.startswith(f"{platform.endpoints.urls['sign-in']}/oauth2/authorize?")
    assert (asked["response_type"], asked["client_id"]) == ("code", "afaq")
    assert asked["redirect_uri"] == f"{issuer_of(platform)}/sign-in/callback"
    assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
    assert asked["code_challenge"] != sign_in.asked["code_challenge"], "the provider's verifier is identity's own"
    assert "openid" in asked["scope"].split()
    assert asked["acr_values"] == SUBSTANTIAL
    assert len(asked["state"]) >= 43 and len(asked["nonce"]) >= 43
    for secret in (sign_in.asked["state"], asked["state"], asked["nonce"], sign_in.verifier):
        assert secret not in sign_in.cookie.partition("=")[2], "what is sealed cannot be read"


async def test_no_two_sign_ins_share_anything(http: Http) -> None:
    begun = [await begin(http) for _ in range(5)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({sign_in.provider_asked[name] for sign_in in begun}) == 5
    assert len({sign_in.cookie.partition("=")[0] for sign_in in begun}) == 5, "a cookie a sign-in"


async def test_who_has_signed_in_is_known_to_every_service(platform: RunningStack, http: Http, person: Person) -> None:
    sign_in, back = await returned(http, person.id)
    assert set(back) == {"code", "state", "iss"}
    assert (back["state"], back["iss"]) == (sign_in.asked["state"], issuer_of(platform))
    answered = await redeem(http, sign_in, back["code"])
    assert answered.status == 200
    assert answered.headers["Cache-Control"] == "no-store"
    tokens = answered.json
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token", "acr"}
    assert (tokens["token_type"], tokens["acr"]) == ("Bearer", "substantial")
    claims = claims_of(tokens["access_token"])
    assert (claims["sub"], claims["roles"], claims["assurance"]) == (person.id, ["citizen"], 2)
    assert claims["exp"] - claims["iat"] == tokens["expires_in"]
    assert UUID(claims["sid"])
    for service, path in READS.items():
        assert (await http.get(service, path, tokens["access_token"])).status == 200
    assert (await http.get("identity", "/me", tokens["access_token"])).json["id"] == person.id


async def test_nothing_of_a_person_is_in_a_token(http: Http, person: Person) -> None:
    tokens = await signed_in(http, person.id)
    assert set(claims_of(tokens["access_token"])) == {
        *("iss", "aud", "sub", "roles", "assurance", "iat", "exp", "jti", "sid")
    }
    assert person.civil_id not in str(claims_of(tokens["access_token"]))


async def test_the_client_of_the_demonstration_signs_in(platform: RunningStack, person: Person) -> None:
    tokens = await platform.api.sign_in_at_provider(person.id)
    assert (await platform.api.get("identity", "/me", tokens["access_token"]))["id"] == person.id


async def test_a_state_is_given_back_only_where_one_was_given(http: Http, person: Person) -> None:
    _, back = await returned(http, person.id, state="")
    assert set(back) == {"code", "iss"}
    for state in ("~", "a b&c=d%20#?+;/", "x" * 1000):
        _, back = await returned(http, person.id, state=state)
        assert back["state"] == state


async def test_a_cookie_is_not_longer_than_browsers_keep(http: Http) -> None:
    """RFC 6265, 6.1: of 4096 bytes with its name and attributes; a longer one is dropped, and nobody is told."""
    for state in ("x" * 1000, "\\" * 1000, '"' * 1000):
        answered = await authorize(http, asking(state=state))
        assert answered.status == 303
        assert len(answered.headers["Set-Cookie"]) <= 4096
    for state in ("x" * 1001, "م", "😀" * 1000, "\n", "\x00"):
        answered = await authorize(http, asking(state=state))
        assert_problem(answered, 422, "invalid-request")
        assert "Location" not in answered.headers


async def test_two_sign_ins_of_one_browser_do_not_disturb_one_another(
    platform: RunningStack, http: Http, person: Person
) -> None:
    other = await a_driver(platform)
    await known_there(http, other)
    one, two = await begin(http), await begin(http)
    jar = f"{one.cookie}; {two.cookie}"
    path_of_two, path_of_one = await at_provider(http, two, other.id), await at_provider(http, one, person.id)
    for sign_in, path, whose in ((two, path_of_two, other), (one, path_of_one, person)):
        back = frontend_gets(await come_back(http, path, jar))
        assert back["state"] == sign_in.asked["state"]
        tokens = (await redeem(http, sign_in, back["code"])).json
        assert claims_of(tokens["access_token"])["sub"] == whose.id


# How surely it is them.


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [("substantial", SUBSTANTIAL), ("high", HIGH), ("substantial high", HIGH), ("high nonsense", HIGH), ("low", None)],
)
async def test_the_provider_is_asked_for_the_level_that_the_frontend_wants(
    asked: str, wanted: str | None, http: Http
) -> None:
    assert (await begin(http, acr_values=asked)).provider_asked.get("acr_values") == wanted


@pytest.mark.parametrize(
    ("said", "level", "name"),
    [
        (HIGH, 3, "high"),
        (SUBSTANTIAL, 2, "substantial"),
        (None, 1, "low"),
        ("urn:afaq:perfect", 1, "low"),
        (7, 1, "low"),
    ],
)
async def test_a_token_says_what_the_provider_has_made_sure_of_not_what_was_asked_for(
    said: Any, level: int, name: str, http: Http, platform: RunningStack
) -> None:
    person = await a_driver(platform)
    await known_there(http, person, acr=said)
    tokens = await signed_in(http, person.id, acr_values="high")
    assert (tokens["acr"], claims_of(tokens["access_token"])["assurance"]) == (name, level)
    again = (await refresh(http, tokens["refresh_token"])).json
    assert (again["acr"], claims_of(again["access_token"])["assurance"]) == (name, level)


# Refreshing, and its end.


async def test_each_refresh_gives_new_tokens_of_the_same_session(http: Http, person: Person) -> None:
    tokens = await signed_in(http, person.id)
    seen = [tokens]
    for _ in range(3):
        answered = await refresh(http, seen[-1]["refresh_token"])
        assert answered.status == 200
        seen.append(answered.json)
    for name in ("access_token", "refresh_token"):
        assert len({found[name] for found in seen}) == 4
    claims = [claims_of(found["access_token"]) for found in seen]
    assert len({found["sid"] for found in claims}) == 1
    assert len({found["jti"] for found in claims}) == 4
    assert {found["sub"] for found in claims} == {person.id}
    assert (await http.get("identity", "/me", seen[-1]["access_token"])).status == 200


async def test_an_older_refresh_token_ends_the_session_for_the_thief_and_for_the_owner(
    platform: RunningStack, http: Http, person: Person
) -> None:
    first = await signed_in(http, person.id)
    second = (await refresh(http, first["refresh_token"])).json
    third = (await refresh(http, second["refresh_token"])).json
    assert_refused(await refresh(http, first["refresh_token"]))
    for tokens in (third, second, first):
        assert_refused(await refresh(http, tokens["refresh_token"]))
    session = claims_of(first["access_token"])["sid"]
    assert await reason_of_the_end(platform, session) == "token-reused"
    assert (await refresh(http, (await signed_in(http, person.id))["refresh_token"])).status == 200


async def reason_of_the_end(platform: RunningStack, session_id: str) -> str:
    """Why a session has ended, as everybody can read it on the topic."""

    async def look() -> str | None:
        for record in await everything_on(platform, IDENTITY_EVENTS):
            if session_id in as_text(record) and "identity.session.ended" in as_text(record):
                found = re.search(r'"reason": ?"([a-z-]+)"', as_text(record))
                return found[1] if found else None
        return None

    return str(await platform.api.until(look, "end of the session"))


async def test_the_same_refresh_token_many_times_at_once_is_good_once_at_most(http: Http, person: Person) -> None:
    tokens = await signed_in(http, person.id)
    answers = await asyncio.gather(*(refresh(http, tokens["refresh_token"]) for _ in range(6)))
    good = [answered for answered in answers if answered.status == 200]
    assert len(good) <= 1
    for answered in answers:
        if answered not in good:
            assert_refused(answered)
    for answered in good:
        assert_refused(await refresh(http, answered.json["refresh_token"]))


async def test_who_signs_out_gets_no_more_tokens(platform: RunningStack, http: Http, person: Person) -> None:
    tokens, elsewhere = await signed_in(http, person.id), await signed_in(http, person.id)
    for _ in range(2):
        answered = await post_form(http, "/revoke", {"token": tokens["refresh_token"]})
        assert (answered.status, answered.json) == (200, {})
    assert_refused(await refresh(http, tokens["refresh_token"]))
    assert (await refresh(http, elsewhere["refresh_token"])).status == 200, "on another device they still are"
    assert await reason_of_the_end(platform, claims_of(tokens["access_token"])["sid"]) == "signed-out"


async def test_an_older_refresh_token_signs_out_too(http: Http, person: Person) -> None:
    first = await signed_in(http, person.id)
    second = (await refresh(http, first["refresh_token"])).json
    await post_form(http, "/revoke", {"token": first["refresh_token"], "token_type_hint": "refresh_token"})
    assert_refused(await refresh(http, second["refresh_token"]))


async def test_what_is_no_refresh_token_revokes_nothing_and_says_nothing(http: Http, person: Person) -> None:
    sign_in, back = await returned(http, person.id)
    tokens = (await redeem(http, sign_in, back["code"])).json
    for token in ("", "x", "a.b.c.d.e", tokens["access_token"], back["code"], sign_in.cookie.partition("=")[2]):
        answered = await post_form(http, "/revoke", {"token": token})
        assert (answered.status, answered.json) == (200, {}), "RFC 7009, 2.2"
    assert (await post_form(http, "/revoke", {})).status == 200
    assert (await refresh(http, tokens["refresh_token"])).status == 200


# Codes.


async def test_a_code_that_comes_twice_ends_the_session_that_it_began(
    platform: RunningStack, http: Http, person: Person
) -> None:
    sign_in, back = await returned(http, person.id)
    tokens = (await redeem(http, sign_in, back["code"])).json
    assert_refused(await redeem(http, sign_in, back["code"]))
    assert_refused(await refresh(http, tokens["refresh_token"]))
    assert_refused(await redeem(http, sign_in, back["code"]))
    assert await reason_of_the_end(platform, claims_of(tokens["access_token"])["sid"]) == "code-reused"


async def test_a_code_many_times_at_once_gives_tokens_once_at_most(http: Http, person: Person) -> None:
    sign_in, back = await returned(http, person.id)
    answers = await asyncio.gather(*(redeem(http, sign_in, back["code"]) for _ in range(6)))
    statuses = Counter(answered.status for answered in answers)
    assert statuses[200] <= 1 and set(statuses) <= {200, 400}
    for answered in answers:
        if answered.status == 200:
            assert_refused(await refresh(http, answered.json["refresh_token"]))
        else:
            assert_refused(answered)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"client_id": ""},
        {"redirect_uri": f"{PORTAL_ADDRESS}/"},
        {"redirect_uri": "http://127.0.0.1:9/elsewhere"},
        {"redirect_uri": ""},
        {"code_verifier": "a" * 43},
        {"code_verifier": ""},
        {"code_verifier": "§" * 43},
        {"code": ""},
        {"code": "x"},
    ],
    ids=str,
)
async def test_a_code_is_good_for_its_own_frontend_address_and_verifier_only(
    changes: dict[str, str], http: Http, person: Person
) -> None:
    sign_in, back = await returned(http, person.id)
    assert_refused(await redeem(http, sign_in, back["code"], **changes))
    form = redemption(sign_in, back["code"])
    form.pop(next(iter(changes)))
    assert_refused(await post_form(http, "/token", form))
    assert (await redeem(http, sign_in, back["code"])).status == 200, "whoever tried has spoilt nothing"


async def test_the_challenge_itself_is_no_verifier(http: Http, person: Person) -> None:
    sign_in, back = await returned(http, person.id)
    assert_refused(await redeem(http, sign_in, back["code"], code_verifier=s256(sign_in.verifier)))


@pytest.mark.parametrize("verifier", ["", "a" * 42, "a" * 129, "a" * 42 + "+", "a" * 42 + "é", "a" * 43 + "\n"])
async def test_a_verifier_that_could_be_guessed_or_is_none_is_not_good(
    verifier: str, http: Http, person: Person
) -> None:
    """RFC 7636, 4.1: from 43 to 128 unreserved characters."""
    sign_in, back = await returned(http, person.id, code_challenge=s256(verifier))
    assert_refused(await redeem(http, sign_in, back["code"], code_verifier=verifier))


@pytest.mark.parametrize("verifier", ["a" * 43, "a" * 128, "-._~" * 20])
async def test_a_verifier_may_be_as_long_as_the_standard_has_it(verifier: str, http: Http, person: Person) -> None:
    sign_in, back = await returned(http, person.id, code_challenge=s256(verifier))
    assert (await redeem(http, sign_in, back["code"], code_verifier=verifier)).status == 200


async def test_a_code_of_another_sign_in_does_not_fit(platform: RunningStack, http: Http, person: Person) -> None:
    """An attacker who slips their own code into somebody's browser gets nowhere without their verifier."""
    mine, _ = await returned(http, person.id)
    attacker = await a_driver(platform)
    await known_there(http, attacker)
    _, theirs = await returned(http, attacker.id)
    assert_refused(await redeem(http, mine, theirs["code"]))


async def test_codes_refresh_tokens_and_cookies_cannot_stand_for_one_another(
    platform: RunningStack, http: Http, person: Person
) -> None:
    sign_in, back = await returned(http, person.id)
    begun = await begin(http)
    tokens = (await redeem(http, sign_in, back["code"])).json
    cookie = begun.cookie.partition("=")[2]
    for wrong in (tokens["refresh_token"], tokens["access_token"], cookie):
        assert_refused(await redeem(http, sign_in, wrong))
    for wrong in (back["code"], tokens["access_token"], cookie):
        assert_refused(await refresh(http, wrong))
    path = await at_provider(http, begun, person.id)
    name = begun.cookie.partition("=")[0]
    for wrong in (tokens["refresh_token"], back["code"]):
        assert_problem(await come_back(http, path, f"{name}={wrong}"), 409, "sign-in-not-begun-here")
    assert (await refresh(http, tokens["refresh_token"])).status == 200
    for service, where in READS.items():
        for wrong in (tokens["refresh_token"], back["code"], cookie):
            assert_problem(await http.get(service, where, wrong), 401, "not-authenticated")


async def test_what_is_too_old_is_refused(platform: RunningStack, http: Http, person: Person) -> None:
    sealer = Sealer(platform)
    sign_in, back = await returned(http, person.id)
    code = sealer.opened("code", back["code"])
    assert_refused(await redeem(http, sign_in, sealer.closed("code", code, seconds=-1)))
    tokens = (await redeem(http, sign_in, sealer.closed("code", code))).json
    held = sealer.opened("refresh", tokens["refresh_token"])
    assert_refused(await refresh(http, sealer.closed("refresh", held, seconds=-1)))
    assert_refused(await refresh(http, sealer.closed("refresh", held), client_id="another"))
    assert_refused(await refresh(http, sealer.closed("refresh", held | {"number": 99})))
    assert (await refresh(http, sealer.closed("refresh", held))).status == 200
    assert_refused(await refresh(http, sealer.closed("refresh", held | {"sid": str(uuid4())})))


@pytest.mark.parametrize("at", [0, 3, 30, 45, 60, -60, -25, -10, -1])
async def test_whatever_is_altered_is_refused(at: int, http: Http, person: Person) -> None:
    sign_in, back = await returned(http, person.id)
    tokens = (await redeem(http, sign_in, back["code"])).json
    token = altered(tokens["refresh_token"], at)
    assert_refused(await refresh(http, token))
    assert_refused(await redeem(http, sign_in, altered(back["code"], at)))
    assert (await refresh(http, tokens["refresh_token"])).status == 200


def altered(text: str, at: int) -> str:
    """The text with another character at a place; the last of base64 is changed so that it stands for other bits."""
    place = at % len(text)
    return f"{text[:place]}{'A' if text[place] not in 'ABCD' else 'w'}{text[place + 1 :]}"


DEEP = [b"[" * 5_000, b'{"a":' * 5_000]


@pytest.mark.parametrize("header", [b"[]", b"{}", b"null", b"1", b'"x"', b'{"alg":[]}', b"\xff", b"{", *DEEP])
async def test_what_only_looks_like_a_token_is_refused_and_harms_nothing(header: bytes, http: Http) -> None:
    import base64

    encoded = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
    for text in (f"{encoded}....", f"{encoded}.a.a.a.a", f"{encoded}..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA"):
        assert_refused(await refresh(http, text))
        assert_refused(await redeem(http, await begin(http), text))
        assert (await post_form(http, "/revoke", {"token": text})).status == 200
    for service, path in READS.items():
        for text in (f"{encoded}.e30.{'A' * 86}", f"{encoded}..", f"{encoded}.a.a.a.a"):
            assert_problem(await http.get(service, path, text), 401, "not-authenticated")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "unsupported_grant_type"),
        (b"grant_type=password&username=a&password=b", "unsupported_grant_type"),
        (b"grant_type=client_credentials", "unsupported_grant_type"),
        (b"grant_type=Refresh_Token", "unsupported_grant_type"),
        (b'{"grant_type": "refresh_token"}', "unsupported_grant_type"),
        (b"grant_type=refresh_token", "invalid_grant"),
        (b"grant_type=authorization_code", "invalid_grant"),
        (b"grant_type=authorization_code&code=%00&code_verifier=%ff%fe", "invalid_grant"),
        (b"grant_type=refresh_token&refresh_token=%ed%a0%80", "invalid_grant"),
        (b"&&&===&grant_type=refresh_token&", "invalid_grant"),
    ],
)
async def test_a_form_that_asks_for_nothing_known_is_refused(content: bytes, error: str, http: Http) -> None:
    assert_refused(await http.send("POST", "identity", "/token", content=content, headers=FORM), error)


@pytest.mark.parametrize("content", [b"\xff", "grant_type=رمز".encode(), b"grant_type=\x80"])
async def test_a_form_that_is_none_is_refused(content: bytes, http: Http) -> None:
    for path in ("/token", "/revoke"):
        answered = await http.send("POST", "identity", path, content=content, headers=FORM)
        assert 400 <= answered.status < 500


# Where the browser is sent.


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": ""},
        {"client_id": "another"},
        {"client_id": PORTAL.upper()},
        {"client_id": f"{PORTAL} "},
        {"redirect_uri": ""},
        {"redirect_uri": "https://evil.example/signed-in"},
        {"redirect_uri": f"{PORTAL_ADDRESS}/"},
        {"redirect_uri": f"{PORTAL_ADDRESS}?x=1"},
        {"redirect_uri": f"{PORTAL_ADDRESS}#x"},
        {"redirect_uri": f"{PORTAL_ADDRESS}.evil.example"},
        {"redirect_uri": PORTAL_ADDRESS.replace("//", "//evil.example@")},
        {"redirect_uri": PORTAL_ADDRESS.replace("http", "HTTP")},
        {"redirect_uri": f"{PORTAL_ADDRESS}/../elsewhere"},
        {"redirect_uri": f"{PORTAL_ADDRESS}\r\nX: 1"},
        {"redirect_uri": "//127.0.0.1:9/signed-in"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
    ids=str,
)
async def test_the_browser_is_never_sent_to_an_address_that_nobody_has_registered(
    changes: dict[str, str], http: Http
) -> None:
    for more in ({}, {"response_type": "token"}, {"code_challenge_method": "plain"}):
        answered = await authorize(http, asking(**changes) | more)
        assert_problem(answered, 422, "client-unknown")
        assert "Location" not in answered.headers and "Set-Cookie" not in answered.headers
        assert "evil" not in answered.text


async def test_an_address_that_comes_twice_is_not_taken_for_the_one_that_is_registered(http: Http) -> None:
    query = urlencode([*asking().items(), ("redirect_uri", "https://evil.example/")])
    answered = await http.get("identity", f"/authorize?{query}")
    assert "evil" not in answered.headers.get("Location", "")
    query = urlencode([("redirect_uri", "https://evil.example/"), *asking().items()])
    assert "evil" not in (await http.get("identity", f"/authorize?{query}")).headers.get("Location", "")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": ""}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "a" * 42}, "invalid_request"),
        ({"code_challenge": "a" * 44}, "invalid_request"),
        ({"code_challenge": "a" * 42 + "\n"}, "invalid_request"),
        ({"code_challenge": "é" * 43}, "invalid_request"),
        ({"acr_values": ""}, "invalid_request"),
        ({"acr_values": "perfect"}, "invalid_request"),
        ({"provider": "nobody"}, "invalid_request"),
    ],
    ids=str,
)
async def test_a_frontend_is_told_what_is_wrong_with_its_request(
    changes: dict[str, str], error: str, platform: RunningStack, http: Http
) -> None:
    asked = asking(**changes)
    answered = await authorize(http, asked)
    back = frontend_gets(answered)
    assert "Set-Cookie" not in answered.headers
    assert set(back) == {"error", "error_description", "state", "iss"}
    assert (back["error"], back["state"], back["iss"]) == (error, asked["state"], issuer_of(platform))


# Coming back.


async def test_without_its_state_nobody_comes_back(http: Http, person: Person) -> None:
    sign_in = await begin(http)
    path = await at_provider(http, sign_in, person.id)
    code = re.sub(r"[?&]state=[^&]*", "", path)
    for wrong in (code, f"{code}&state=", f"{code}&state=another", f"{path}x", "/sign-in/callback"):
        answered = await come_back(http, wrong.replace("callback&", "callback?"), sign_in.cookie)
        assert_problem(answered, 409, "sign-in-not-begun-here")
        assert "Location" not in answered.headers
    frontend_gets(await come_back(http, path, sign_in.cookie))


async def test_another_browser_cannot_end_a_sign_in(platform: RunningStack, http: Http, person: Person) -> None:
    """A link that an attacker sends, with the code of the attacker's own sign-in."""
    sign_in, attackers = await begin(http), await begin(http)
    path = await at_provider(http, attackers, person.id)
    name, _, value = sign_in.cookie.partition("=")
    attackers_name = attackers.cookie.partition("=")[0]
    for cookie in (None, "", sign_in.cookie, f"{attackers_name}={value}", f"{attackers_name}=", f"{name}={name}"):
        answered = await come_back(http, path, cookie)
        assert_problem(answered, 409, "sign-in-not-begun-here")
        assert "Location" not in answered.headers


@pytest.mark.parametrize("at", [0, 3, 30, 45, -60, -10, -1])
async def test_an_altered_cookie_is_none(at: int, http: Http, person: Person) -> None:
    sign_in = await begin(http)
    path = await at_provider(http, sign_in, person.id)
    name, _, value = sign_in.cookie.partition("=")
    answered = await come_back(http, path, f"{name}={altered(value, at)}")
    assert_problem(answered, 409, "sign-in-not-begun-here")
    for cookie in (f"{name}={value[:-4]}", f"{name}=x", f"{name}=....", f"{name}={'W' * 3000}"):
        assert_problem(await come_back(http, path, cookie), 409, "sign-in-not-begun-here")


async def test_who_takes_longer_than_ten_minutes_begins_again(
    platform: RunningStack, http: Http, person: Person
) -> None:
    sealer, sign_in = Sealer(platform), await begin(http)
    path = await at_provider(http, sign_in, person.id)
    name, _, value = sign_in.cookie.partition("=")
    kept = sealer.opened("sign-in", value)
    late = sealer.closed("sign-in", kept, seconds=-1)
    assert_problem(await come_back(http, path, f"{name}={late}"), 409, "sign-in-not-begun-here")
    in_time = sealer.closed("sign-in", kept, seconds=30)
    assert "code" in frontend_gets(await come_back(http, path, f"{name}={in_time}"))


async def test_a_sign_in_ends_once(http: Http, person: Person) -> None:
    sign_in = await begin(http)
    path = await at_provider(http, sign_in, person.id)
    first = await come_back(http, path, sign_in.cookie)
    assert "code" in frontend_gets(first)
    cleared = first.headers["Set-Cookie"]
    assert cleared.startswith(f"{sign_in.cookie.partition('=')[0]}=") and "Max-Age=0" in cleared
    again = frontend_gets(await come_back(http, path, sign_in.cookie))
    assert again["error"] == "access_denied" and "code" not in again


@pytest.mark.parametrize("code", ["", "x", "\x00", "é", "a" * 1000])
async def test_a_code_that_the_provider_has_not_given_proves_nothing(
    code: str, platform: RunningStack, http: Http
) -> None:
    sign_in = await begin(http)
    path = f"/sign-in/callback?state={sign_in.provider_asked['state']}&code={quote(code)}"
    assert_denied(frontend_gets(await come_back(http, path, sign_in.cookie)), sign_in, platform)


def assert_denied(back: Mapping[str, str], sign_in: SignIn, platform: RunningStack) -> None:
    assert set(back) == {"error", "error_description", "state", "iss"}
    assert (back["error"], back["state"]) == ("access_denied", sign_in.asked["state"])
    assert back["iss"] == issuer_of(platform)


@pytest.mark.parametrize("error", ["access_denied", "server_error", "login_required", "x" * 500])
async def test_a_frontend_is_told_when_its_user_has_declined(error: str, platform: RunningStack, http: Http) -> None:
    """The mock forgets the state when somebody declines; a provider does not (OpenID Connect Core 1.0, 3.1.2.6)."""
    sign_in = await begin(http)
    url = urlsplit(sign_in.provider_url)
    declined = await http.send("POST", "sign-in", f"{url.path}?{url.query}", content=b"action=deny", headers=FORM)
    assert "error=access_denied" in declined.headers["Location"]
    path = path_of(declined.headers["Location"]).replace("access_denied", error)
    path += f"&state={sign_in.provider_asked['state']}"
    answered = await come_back(http, path, sign_in.cookie)
    assert_denied(frontend_gets(answered), sign_in, platform)
    assert "x" * 500 not in answered.headers["Location"]


async def test_a_code_beside_an_error_is_not_taken(platform: RunningStack, http: Http, person: Person) -> None:
    sign_in = await begin(http)
    path = await at_provider(http, sign_in, person.id)
    answered = await come_back(http, f"{path}&error=access_denied", sign_in.cookie)
    assert_denied(frontend_gets(answered), sign_in, platform)


# Who it is.


@pytest.mark.parametrize(
    "civil_id",
    [
        None,
        "",
        "1",
        7,
        True,
        [],
        {},
        "200010100029",
        "902010100028",
        "²" * 12,
        "200010100028' or 1=1",
        ["200010100028"],
    ],
    ids=str,
)
async def test_whom_the_provider_names_wrongly_is_nobody(civil_id: Any, platform: RunningStack, http: Http) -> None:
    subject = await tell_provider(http, str(uuid4()), {"civil_id": civil_id, "acr": HIGH})
    sign_in, back = await returned(http, subject)
    assert_denied(back, sign_in, platform)


async def test_whom_the_platform_does_not_know_cannot_sign_in(platform: RunningStack, http: Http) -> None:
    subject = await tell_provider(http, str(uuid4()), {"civil_id": new_civil_id(), "acr": HIGH})
    sign_in, back = await returned(http, subject)
    assert_denied(back, sign_in, platform)
    no_claims = await tell_provider(http, str(uuid4()), {"acr": HIGH})
    sign_in, back = await returned(http, no_claims)
    assert_denied(back, sign_in, platform)


async def test_a_provider_of_citizens_gives_no_other_role(http: Http, platform: RunningStack) -> None:
    person = await a_driver(platform)
    await known_there(http, person, roles=["operator", "registrar"], acr=HIGH)
    assert claims_of((await signed_in(http, person.id))["access_token"])["roles"] == ["citizen"]


ID_TOKENS: Mapping[str, dict[str, Any]] = {
    "the nonce of another": {"nonce": "A" * 43},
    "no nonce": {"nonce": None},
    "for another client": {"aud": "another"},
    "for others too, and issued to another": {"aud": ["afaq", "another"], "azp": "another"},
    "for nobody": {"aud": []},
    "of another issuer": {"iss": "https://evil.example"},
    "too old": {"exp": 1},
    "from the future": {"iat": 4_000_000_000},
    "without an end": {"exp": None},
    "not yet good": {"nbf": 4_000_000_000},
}


@pytest.mark.parametrize("name", ID_TOKENS)
async def test_an_id_token_that_is_not_for_this_sign_in_proves_nothing(
    name: str, platform: RunningStack, http: Http
) -> None:
    person = await a_driver(platform)
    said = {"civil_id": person.civil_id, "acr": HIGH}
    await tell_provider(http, person.id, said | ID_TOKENS[name])
    sign_in, back = await returned(http, person.id)
    assert_denied(back, sign_in, platform)
    await tell_provider(http, person.id, said)
    assert "code" in (await returned(http, person.id))[1]


@pytest.mark.parametrize(
    ("said", "roles"),
    [
        (["registrar"], ["registrar"]),
        ([OFFICER, "operator"], ["officer:moi-traffic", "operator"]),
        ([OFFICER, "citizen", "admin", "officer:", "officer", "Operator", "registrar "], ["officer:moi-traffic"]),
        ([["operator"], {"a": 1}, 7, None, "operator"], ["operator"]),
    ],
    ids=str,
)
async def test_staff_have_the_roles_that_there_are_and_no_others(said: list[Any], roles: list[str], http: Http) -> None:
    subject = await tell_provider(http, str(uuid4()), {"roles": said, "acr": HIGH})
    tokens = await signed_in(http, subject, provider="staff")
    claims = claims_of(tokens["access_token"])
    assert claims["roles"] == roles
    assert claims["sub"] == str(derive_id("staff", "staff", subject)), "the same each time"
    assert (await refresh(http, tokens["refresh_token"])).status == 200


@pytest.mark.parametrize("said", [[], ["citizen"], "registrar", {"registrar": True}, 7, None, ["officer:*"]], ids=str)
async def test_staff_without_a_role_cannot_sign_in(said: Any, platform: RunningStack, http: Http) -> None:
    subject = await tell_provider(http, str(uuid4()), {"roles": said, "acr": HIGH})
    sign_in, back = await returned(http, subject, provider="staff")
    assert_denied(back, sign_in, platform)


async def test_an_officer_who_has_signed_in_does_an_officers_work(http: Http) -> None:
    subject = await tell_provider(http, str(uuid4()), {"roles": [OFFICER], "acr": HIGH})
    token = (await signed_in(http, subject, provider="staff"))["access_token"]
    assert (await http.get("requests", "/tasks", token)).status == 200
    assert_problem(await http.get("requests", "/requests", token), 403, "not-allowed")
    assert_problem(await http.get("identity", "/me", token), 404, "not-found")


# The dead and the erased.


async def die(platform: RunningStack, http: Http, world: World, person: Person) -> None:
    form = life_event_form(person.id)
    assert (await http.post("identity", "/life-events", form, world.registrar)).status == 202
    await platform.api.until(lambda: is_gone(http, person), "death")


async def erase(platform: RunningStack, http: Http, world: World, person: Person) -> None:
    assert (await http.send("DELETE", "identity", f"/persons/{person.id}", world.registrar)).status == 204
    await platform.api.until(lambda: is_gone(http, person), "end of the person")


async def is_gone(http: Http, person: Person) -> bool:
    return (await http.post("identity", "/local/sign-in", {"civil_id": person.civil_id})).status == 404


@pytest.mark.parametrize("leave", [die, erase])
async def test_for_those_who_are_gone_nobody_goes_on(
    leave: Any, platform: RunningStack, http: Http, world: World, person: Person
) -> None:
    tokens = await signed_in(http, person.id)
    not_redeemed = await returned(http, person.id)
    not_back = await begin(http)
    path = await at_provider(http, not_back, person.id)
    await leave(platform, http, world, person)
    assert_refused(await refresh(http, tokens["refresh_token"]))
    assert_refused(await redeem(http, not_redeemed[0], not_redeemed[1]["code"]))
    assert_denied(frontend_gets(await come_back(http, path, not_back.cookie)), not_back, platform)
    sign_in, back = await returned(http, person.id)
    assert_denied(back, sign_in, platform)
    assert await reason_of_the_end(platform, claims_of(tokens["access_token"])["sid"]) in ("person-gone", "signed-out")


async def test_what_was_ended_by_a_notice_of_death_does_not_go_on_when_it_is_taken_back(
    platform: RunningStack, http: Http, world: World, person: Person
) -> None:
    tokens = await signed_in(http, person.id)
    form = life_event_form(person.id)
    assert (await http.post("identity", "/life-events", form, world.registrar)).status == 202
    await platform.api.until(lambda: is_gone(http, person), "death")
    assert await reason_of_the_end(platform, claims_of(tokens["access_token"])["sid"]) == "person-gone"
    annulled = await http.post(
        "identity", f"/life-events/{form['source']}/{form['number']}/annulment", None, world.registrar
    )
    assert annulled.status == 200

    async def lives() -> bool:
        return not await is_gone(http, person)

    await platform.api.until(lives, "life")
    assert_refused(await refresh(http, tokens["refresh_token"]))
    assert (await refresh(http, (await signed_in(http, person.id))["refresh_token"])).status == 200


# Access tokens, at every service.


@pytest.fixture(scope="module")
async def forged(platform: RunningStack, http: Http, world: World) -> Mapping[str, str]:
    """Tokens that say they are the owner's, with every role there is, and are not good."""
    forger, sealer = Forger(platform), Sealer(platform)
    claims = forger.claims(world.owner.id, ["citizen", OFFICER, "operator", "registrar"])
    now = claims["iat"]
    await known_there(http, world.owner)
    sign_in, back = await returned(http, world.owner.id)
    tokens = (await redeem(http, sign_in, back["code"])).json
    header, payload, _ = world.owner.token.split(".")
    left_out = {f"without {name}": forger.signed(claims | {name: None}) for name in claims if name != "jti"}
    return left_out | {
        "no algorithm": forger.unsigned(claims),
        "no signature": f"{header}.{payload}.",
        "another's signature": f"{header}.{payload}.{world.another.token.split('.')[2]}",
        "an empty signature": f"{header}.{payload}.{'A' * 86}",
        "HS256 with the public key": forger.signed_with_the_public_key(claims),
        "another key of our name": forger.signed_by_another(claims),
        "a key that it brings itself": forger.bringing_its_own_key(claims),
        "altered roles": forger.altered(world.owner.token, claims),
        "altered assurance": forger.altered(world.owner.token, claims_of(world.owner.token) | {"assurance": 3}),
        "another issuer": forger.signed(claims | {"iss": issuer_of(platform)}),
        "another audience": forger.signed(claims | {"aud": "afaq-staging"}),
        "expired": forger.signed(claims | {"iat": now - 900, "exp": now - 60}),
        "not yet": forger.signed(claims | {"nbf": now + 120}),
        "from the future": forger.signed(claims | {"iat": now + 120}),
        "a session that is none": forger.signed(claims | {"sid": "x"}),
        "a session that is a number": forger.signed(claims | {"sid": 7}),
        "an endless assurance": forger.signed(claims | {"assurance": float("inf")}),
        "a refresh token": tokens["refresh_token"],
        "a code": back["code"],
        "a cookie": (await begin(http)).cookie.partition("=")[2],
        "something sealed for an access token": sealer.closed("access", claims),
        "an ID token of the provider": await an_id_token(http, world.owner.id),
        "an access token of the provider": await an_id_token(http, world.owner.id, which="access_token"),
    }


async def an_id_token(http: Http, subject: str, *, which: str = "id_token") -> str:
    """Of the same provider, for the same person; anybody whom it knows as a client can have one."""
    query = {"response_type": "code", "client_id": "afaq", "redirect_uri": PORTAL_ADDRESS, "scope": "openid"}
    path = f"/oauth2/authorize?{urlencode(query)}"
    content = urlencode({"sub": subject}).encode()
    answered = await http.send("POST", "sign-in", path, content=content, headers=FORM)
    code = frontend_code(answered.headers["Location"])
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": PORTAL_ADDRESS, "client_id": "afaq"}
    form |= {"client_secret": "x"}
    given = await http.send("POST", "sign-in", "/oauth2/token", content=urlencode(form).encode(), headers=FORM)
    assert given.status == 200, given.text
    return str(given.json[which])


def frontend_code(location: str) -> str:
    found = re.search(r"[?&]code=([^&]+)", location)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("service", NAMES)
async def test_no_service_takes_a_token_that_is_not_good(
    service: str, forged: Mapping[str, str], http: Http, platform: RunningStack, world: World
) -> None:
    forger = Forger(platform)
    good = forger.signed(forger.claims(world.owner.id, ["citizen"]))
    assert (await http.get(service, READS[service], good)).status == 200, "or the test would prove nothing"
    let_in = []
    for name, token in forged.items():
        answered = await http.get(service, READS[service], token)
        if (answered.status, answered.code) != (401, "not-authenticated"):
            let_in.append(f"{name}: {answered}")
    assert let_in == []


async def test_a_token_is_taken_from_its_header_only(http: Http, world: World) -> None:
    token = world.owner.token
    for service, path in READS.items():
        for query in (f"?access_token={token}", f"?token={token}"):
            assert_problem(await http.get(service, f"{path}{query}"), 401, "not-authenticated")
        for name in ("Cookie", "X-Access-Token", "Proxy-Authorization"):
            headers = {name: f"access_token={token}" if name == "Cookie" else f"Bearer {token}"}
            answered = await http.send("GET", service, path, headers=headers)
            assert_problem(answered, 401, "not-authenticated")


# What is left behind.


async def test_nothing_that_was_secret_is_left_in_logs_or_on_topics(
    platform: RunningStack, http: Http, person: Person
) -> None:
    sign_in, back = await returned(http, person.id)
    path = f"/sign-in/callback?state={sign_in.provider_asked['state']}&code=SECRETCODE"
    await come_back(http, path, sign_in.cookie)
    await come_back(http, path, None)
    tokens = (await redeem(http, sign_in, back["code"])).json
    later = (await refresh(http, tokens["refresh_token"])).json
    await redeem(http, sign_in, back["code"])
    await refresh(http, tokens["refresh_token"])
    await post_form(http, "/revoke", {"token": later["refresh_token"]})
    await http.get("identity", f"/me?access_token={later['access_token']}", "not.a.token")
    await http.get("identity", "/me", f"{later['access_token']}x")
    secrets = {
        "the civil ID": person.civil_id,
        "the provider's code": "SECRETCODE",
        "the code": back["code"],
        "the verifier": sign_in.verifier,
        "the cookie": sign_in.cookie.partition("=")[2],
        **{f"{name} {number}": found[name] for number, found in enumerate((tokens, later)) for name in TOKENS},
    }
    await asyncio.sleep(0.5)
    logs = {file.name: file.read_text(errors="replace") for file in (platform.directory / "logs").rglob("*.log")}
    assert {f"{name}.log" for name in (*NAMES, "sign-in", "simulators")} <= set(logs)
    del logs["sign-in.log"]  # the provider's own; it writes down what it knows of a person
    found = [f"{what} in {name}" for name, text in logs.items() for what, secret in secrets.items() if secret in text]
    records = await everything_on(platform)
    found += [f"{what} on {r.topic}" for r in records for what, secret in secrets.items() if secret in as_text(r)]
    assert found == []


TOKENS = ("access_token", "refresh_token")


@pytest.fixture(scope="module", autouse=True)
async def no_civil_id_in_any_log(platform: RunningStack) -> AsyncIterator[None]:
    """No log of a service has what could be a civil ID of these tests, nor anything that looks like a token."""
    yield
    for name in NAMES:
        text = (platform.directory / "logs" / f"{name}.log").read_text(errors="replace")
        assert re.search(r"\b2(01|02|05)\d{9}\b", text) is None, name
        assert "eyJ" not in text, name
        assert re.search(r"[?&](code|state|token|access_token)=", text) is None, name
