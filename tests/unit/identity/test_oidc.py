"""Sign-in at a provider: what proves who it is, what does not, and a provider that misbehaves."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from joserfc.jwk import ECKey, RSAKey
from pydantic import HttpUrl, SecretStr

from services.identity import oidc
from services.identity.oidc import Challenge, NotProven, Provider, ProviderAway, ProviderSettings, s256
from tests.unit.identity.fake_provider import (
    AUTHORIZE,
    CALLBACK_URL,
    CLIENT_ID,
    CLIENT_SECRET,
    DISCOVERY,
    EC,
    JWKS,
    RSA,
    TOKEN,
    Answer,
    Claims,
    FakeProvider,
    Forge,
    encoded,
    signed,
    signed_with_secret,
)

STRANGERS_RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"})
STRANGERS_EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
NEW_RSA = RSAKey.generate_key(2048, {"kid": "rsa-2"})
SETTINGS = {
    "client_id": CLIENT_ID,
    "client_secret": SecretStr(CLIENT_SECRET),
    "civil_id_claim": "civil_id",
    "acr": {"substantial": "urn:substantial", "high": "urn:high"},
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    started = FakeProvider()
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
async def provider(fake: FakeProvider) -> AsyncIterator[Provider]:
    made = provider_at(fake.issuer)
    yield made
    await made.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time that keys grow old by."""
    clock = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(oidc, "time", SimpleNamespace(monotonic=lambda: clock.seconds))
    return clock


def provider_at(issuer: str, **changes: Any) -> Provider:
    settings = ProviderSettings(issuer=HttpUrl(issuer), **{**SETTINGS, **changes})
    return Provider("national", settings, CALLBACK_URL)


async def sign_in(provider: Provider, fake: FakeProvider, forge: Forge | None = None) -> Any:
    """Somebody signs in; the claims that are believed."""
    fake.forge = forge or fake.forge
    challenge = Challenge.fresh()
    code = fake.sign_in(await provider.authorization_url(challenge, level=2, language="ar"))
    return await provider.claims(code, challenge)


def always(status: int = 200, text: str = "", **headers: str) -> Answer:
    """The same answer to everything."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return answer


# What is accepted.


@pytest.mark.parametrize(
    "forge",
    [
        signed,
        lambda claims: signed(claims, EC),
        lambda claims: signed(claims, RSA, alg="PS256"),
        lambda claims: signed({**claims, "aud": [CLIENT_ID]}),
        lambda claims: signed({**claims, "aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}),
        lambda claims: signed({**claims, "exp": claims["iat"] - 10}),
    ],
    ids=["RS256", "ES256", "PS256", "one audience in a list", "two audiences, for us", "expired within the leeway"],
)
async def test_who_is_proven_is_believed(provider: Provider, fake: FakeProvider, forge: Forge) -> None:
    claims = await sign_in(provider, fake, forge)
    assert (claims["sub"], claims["civil_id"]) == ("somebody", "200010100028")


async def test_a_token_without_a_key_id_is_for_the_only_key(provider: Provider, fake: FakeProvider) -> None:
    fake.keys = [EC.as_dict(private=False)]
    assert await sign_in(provider, fake, lambda claims: signed(claims, EC, kid=None))


async def test_keys_of_a_kind_that_is_not_understood_are_passed_over(provider: Provider, fake: FakeProvider) -> None:
    odd: list[Any] = [
        {"kty": "EC", "crv": "P-1234", "x": "AA", "y": "AA", "kid": "1"},
        {"kty": "OKP", "crv": "Another", "x": "AA"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
        {"kty": "RSA", "e": "AQAB"},
        {"kty": ["RSA"]},
        {"kid": "2"},
        "a text",
    ]
    fake.keys = [*odd, *fake.keys]
    assert await sign_in(provider, fake)


async def test_the_browser_is_sent_with_all_that_ties_the_sign_in_to_it(provider: Provider) -> None:
    challenge = Challenge.fresh()
    url = urlsplit(await provider.authorization_url(challenge, level=3, language="en"))
    asked = {name: values for name, values in parse_qs(url.query).items() if name != "scope"}
    assert url.path == AUTHORIZE
    assert asked == {
        "response_type": ["code"],
        "client_id": [CLIENT_ID],
        "redirect_uri": [CALLBACK_URL],
        "state": [challenge.state],
        "nonce": [challenge.nonce],
        "code_challenge": [s256(challenge.verifier)],
        "code_challenge_method": ["S256"],
        "acr_values": ["urn:high"],
        "ui_locales": ["en"],
    }
    assert challenge.verifier not in url.query


async def test_an_authorization_endpoint_may_have_a_query_of_its_own(provider: Provider, fake: FakeProvider) -> None:
    fake.metadata["authorization_endpoint"] = f"{fake.issuer}/authorize?policy=citizens"
    url = urlsplit(await provider.authorization_url(Challenge.fresh(), level=1, language=None))
    assert parse_qs(url.query)["policy"] == ["citizens"]
    assert "acr_values" not in parse_qs(url.query)


async def test_an_issuers_name_may_end_in_a_slash(provider: Provider, fake: FakeProvider) -> None:
    fake.metadata["issuer"] = f"{fake.issuer}/"
    assert await sign_in(provider, fake)
    with pytest.raises(NotProven):
        await sign_in(provider, fake, lambda claims: signed({**claims, "iss": fake.issuer}))


def test_the_challenge_is_as_the_standard_has_it() -> None:
    assert s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    fresh = [Challenge.fresh() for _ in range(3)]
    assert len({part for one in fresh for part in (one.state, one.nonce, one.verifier)}) == 9


@pytest.mark.parametrize(
    ("acr", "level"), [("urn:high", 3), ("urn:substantial", 2), ("urn:other", 1), (None, 1), (["urn:high"], 1)]
)
def test_how_sure_it_is_only_what_the_provider_says(acr: object, level: int) -> None:
    assert provider_at("https://sign-in.example").level_of({"acr": acr}) == level
    assert provider_at("https://sign-in.example").level_of({}) == 1


# What is refused.


def changed(**changes: Any) -> Forge:
    """Claims that are signed rightly and are not right."""
    return lambda claims: signed({k: v for k, v in {**claims, **changes}.items() if v is not None})


def raw(header: object, claims: object = None, signature: bytes = b"") -> str:
    """A token of whatever."""
    return ".".join((encoded(json.dumps(header).encode()), encoded(json.dumps(claims).encode()), encoded(signature)))


def pem(key: RSAKey | ECKey) -> bytes:
    """The public key as everybody may read it."""
    return key.as_pem(private=False)


FORGED: dict[str, Forge] = {
    "alg none": lambda claims: f"{encoded({'alg': 'none', 'kid': 'rsa-1'})}.{encoded(claims)}.",
    "alg none without a key id": lambda claims: f"{encoded({'alg': 'none'})}.{encoded(claims)}.",
    "alg None": lambda claims: f"{encoded({'alg': 'None', 'kid': 'rsa-1'})}.{encoded(claims)}.",
    "HS256 with the RSA key's PEM": lambda claims: signed_with_secret(claims, pem(RSA), "rsa-1"),
    "HS256 with the EC key's PEM": lambda claims: signed_with_secret(claims, pem(EC), "ec-1"),
    "HS256 with the PEM stripped": lambda claims: signed_with_secret(claims, pem(RSA).strip(), "rsa-1"),
    "HS256 with the JWK": lambda claims: signed_with_secret(
        claims, json.dumps(RSA.as_dict(private=False)).encode(), "rsa-1"
    ),
    "HS256 with nothing": lambda claims: signed_with_secret(claims, b"", None),
    "HS256 with the client's secret": lambda claims: signed_with_secret(claims, CLIENT_SECRET.encode(), None),
    "another RSA key of the same id": lambda claims: signed(claims, STRANGERS_RSA),
    "another EC key of the same id": lambda claims: signed(claims, STRANGERS_EC),
    "an unknown key": lambda claims: signed(claims, NEW_RSA),
    "no key id where there are two keys": lambda claims: signed(claims, RSA, kid=None),
    "the id of a key of another kind": lambda claims: signed(claims, RSA, kid="ec-1"),
    "a key that it brings itself": lambda claims: signed(
        claims, STRANGERS_RSA, kid=None, jwk=STRANGERS_RSA.as_dict(private=False)
    ),
    "a signature that was cut off": lambda claims: signed(claims).rpartition(".")[0] + ".",
    "other claims under the signature": lambda claims: ".".join(
        [signed(claims).split(".")[0], encoded({**claims, "sub": "another"}), signed(claims).split(".")[2]]
    ),
    "another issuer": changed(iss="https://another.example"),
    "the issuer in a list": lambda claims: signed({**claims, "iss": [claims["iss"]]}),
    "no issuer": changed(iss=None),
    "another audience": changed(aud="another"),
    "another audience in a list": changed(aud=["another"]),
    "no audience": changed(aud=None),
    "an audience that has ours in it": changed(aud=f"{CLIENT_ID}-staging"),
    "two audiences for another": changed(aud=[CLIENT_ID, "another"], azp="another"),
    "two audiences for nobody": changed(aud=[CLIENT_ID, "another"]),
    "expired": changed(exp=1_700_000_000),
    "without an end": changed(exp=None),
    "an end that is a text": changed(exp="2999-01-01"),
    "issued in the future": lambda claims: signed({**claims, "iat": claims["iat"] + 120}),
    "not issued": changed(iat=None),
    "not good yet": lambda claims: signed({**claims, "nbf": claims["iat"] + 120}),
    "another nonce": changed(nonce="another"),
    "an empty nonce": changed(nonce=""),
    "no nonce": changed(nonce=None),
    "no subject": changed(sub=None),
    "a subject that is a number": changed(sub=7),
    "an empty subject": changed(sub=""),
    "no token": lambda _: None,
    "a token that is an object": lambda claims: claims,
    "garbage": lambda _: "garbage",
    "nothing": lambda _: "",
    "dots": lambda _: "..",
    "five parts": lambda claims: signed(claims) + ".x.y",
    "no base64": lambda _: "é.é.é",
    "no text": lambda _: "\ud800.x.x",
    "an empty header": lambda claims: raw({}, claims),
    "a header that is a list": lambda claims: raw(["alg", "kid"], claims),
    "a header that is a text": lambda claims: raw("alg", claims),
    "a header that is a number": lambda claims: raw(7, claims),
    "a key id that is an object": lambda claims: raw({"alg": "RS256", "kid": {}}, claims),
    "an algorithm that is a list": lambda claims: raw({"alg": ["RS256"], "kid": "rsa-1"}, claims),
    "a critical header": lambda claims: raw({"alg": "RS256", "kid": "rsa-1", "crit": ["exp"]}, claims),
    "a payload that is not encoded": lambda claims: raw(
        {"alg": "RS256", "kid": "rsa-1", "b64": False, "crit": ["b64"]}, claims
    ),
    "claims that are a list": lambda claims: signed_list(),
    "too long": lambda claims: signed({**claims, "more": "x" * 200_000}),
}


def signed_list() -> str:
    """A signed token that holds a list."""
    from joserfc import jws

    return jws.serialize_compact({"alg": "RS256", "kid": "rsa-1"}, b"[]", RSA, algorithms=["RS256"])


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_what_proves_nothing_is_refused(provider: Provider, fake: FakeProvider, forge: Forge) -> None:
    with pytest.raises(NotProven):
        await sign_in(provider, fake, forge)
    assert await sign_in(provider, fake, signed)


async def test_a_key_for_encryption_signs_nothing(provider: Provider, fake: FakeProvider) -> None:
    fake.keys = [{**RSA.as_dict(private=False), "use": "enc"}, EC.as_dict(private=False)]
    with pytest.raises(NotProven):
        await sign_in(provider, fake)


async def test_a_key_of_one_algorithm_is_used_for_no_other(provider: Provider, fake: FakeProvider) -> None:
    fake.keys = [{**RSA.as_dict(private=False), "alg": "PS256"}]
    with pytest.raises(NotProven):
        await sign_in(provider, fake)


async def test_a_published_secret_signs_nothing(provider: Provider, fake: FakeProvider) -> None:
    fake.keys = [{"kty": "oct", "k": encoded(b"everybody knows it"), "kid": "shared"}]
    with pytest.raises(NotProven):
        await sign_in(provider, fake, lambda claims: signed_with_secret(claims, b"everybody knows it", "shared"))


async def test_a_code_is_good_only_with_the_verifier_of_its_sign_in(provider: Provider, fake: FakeProvider) -> None:
    mine, anothers = Challenge.fresh(), Challenge.fresh()
    code = fake.sign_in(await provider.authorization_url(anothers, level=2, language=None))
    with pytest.raises(NotProven):
        await provider.claims(code, mine)


async def test_a_token_of_another_sign_in_is_refused_though_its_code_is_good(
    provider: Provider, fake: FakeProvider
) -> None:
    of_another = await sign_in(provider, fake)
    with pytest.raises(NotProven):
        await sign_in(provider, fake, lambda _: signed(dict(of_another)))


async def test_a_code_is_good_once(provider: Provider, fake: FakeProvider) -> None:
    challenge = Challenge.fresh()
    code = fake.sign_in(await provider.authorization_url(challenge, level=2, language=None))
    await provider.claims(code, challenge)
    with pytest.raises(NotProven):
        await provider.claims(code, challenge)


async def test_a_client_that_the_provider_does_not_know_proves_nothing(fake: FakeProvider) -> None:
    provider = provider_at(fake.issuer, client_secret=SecretStr("another"))
    with pytest.raises(NotProven):
        await sign_in(provider, fake)
    await provider.close()


async def test_why_it_is_refused_says_nothing_of_the_person(provider: Provider, fake: FakeProvider) -> None:
    with pytest.raises(NotProven) as refused:
        await sign_in(provider, fake, changed(aud="another"))
    assert not any(secret in str(refused.value) for secret in ("somebody", "200010100028", CLIENT_SECRET))


# Keys come and go.


async def test_a_new_key_is_followed(provider: Provider, fake: FakeProvider, clock: SimpleNamespace) -> None:
    await sign_in(provider, fake)
    fake.keys = [NEW_RSA.as_dict(private=False), *fake.keys]
    clock.seconds += 11
    assert await sign_in(provider, fake, lambda claims: signed(claims, NEW_RSA))
    assert await sign_in(provider, fake, signed)
    assert fake.reads[JWKS] == 2


async def test_a_key_that_the_provider_has_taken_back_is_not_believed_for_ever(
    provider: Provider, fake: FakeProvider, clock: SimpleNamespace
) -> None:
    await sign_in(provider, fake)
    fake.keys = [EC.as_dict(private=False)]
    clock.seconds += 3601
    with pytest.raises(NotProven):
        await sign_in(provider, fake)


async def test_keys_are_kept_for_an_hour(provider: Provider, fake: FakeProvider, clock: SimpleNamespace) -> None:
    for _ in range(4):
        await sign_in(provider, fake)
        clock.seconds += 1000
    assert fake.reads[JWKS] == 1
    assert fake.reads[DISCOVERY] == 1


async def test_a_flood_of_unknown_keys_is_not_a_flood_of_reads(
    provider: Provider, fake: FakeProvider, clock: SimpleNamespace
) -> None:
    await sign_in(provider, fake)
    for number in range(60):
        clock.seconds += 0.5

        def forge(claims: Claims, kid: str = f"key {number}") -> str:
            return signed(claims, RSA, kid=kid)

        with pytest.raises(NotProven):
            await sign_in(provider, fake, forge)
    assert fake.reads[JWKS] <= 1 + 30 / 10


async def test_who_comes_while_the_keys_are_read_waits_for_them(provider: Provider, fake: FakeProvider) -> None:
    assert len(await asyncio.gather(*(sign_in(provider, fake) for _ in range(10)))) == 10
    assert fake.reads[JWKS] == 1


# A provider that is away, or does not answer as it should.


MISBEHAVING: dict[str, Answer] = {
    "500": always(500),
    "404": always(404, "{}"),
    "503": always(503, "<html>"),
    "not JSON": always(text="<html>Welcome</html>"),
    "nothing": always(),
    "not UTF-8": always(text="\x00"),
    "a list": always(text="[]"),
    "a text": always(text='"keys"'),
}


@pytest.mark.parametrize("path", [DISCOVERY, TOKEN, JWKS])
@pytest.mark.parametrize("answer", MISBEHAVING.values(), ids=MISBEHAVING)
async def test_a_provider_that_does_not_answer_as_it_should_is_away_until_it_does(
    provider: Provider, fake: FakeProvider, path: str, answer: Answer
) -> None:
    fake.answers[path] = answer
    with pytest.raises(ProviderAway):
        await sign_in(provider, fake)
    del fake.answers[path]
    assert await sign_in(provider, fake)


@pytest.mark.parametrize("path", [DISCOVERY, TOKEN, JWKS])
async def test_nobody_is_followed_to_somewhere_else(provider: Provider, fake: FakeProvider, path: str) -> None:
    fake.answers["/elsewhere"] = {DISCOVERY: fake._discovery, TOKEN: fake._token, JWKS: fake._jwks}[path]
    fake.answers[path] = always(307, Location="/elsewhere")
    with pytest.raises(ProviderAway):
        await sign_in(provider, fake)
    assert fake.reads["/elsewhere"] == 0


@pytest.mark.parametrize("keys", ["{}", '{"keys": 7}', '{"keys": {}}', '{"keys": []}', '{"keys": [{"kty": "new"}]}'])
async def test_a_provider_without_keys_is_away(provider: Provider, fake: FakeProvider, keys: str) -> None:
    fake.answers[JWKS] = always(text=keys)
    with pytest.raises(ProviderAway):
        await sign_in(provider, fake)


@pytest.mark.parametrize("name", ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("said", [None, 7])
async def test_a_discovery_document_that_lacks_something_is_not_believed(
    provider: Provider, fake: FakeProvider, name: str, said: object
) -> None:
    fake.metadata[name] = said
    with pytest.raises(ProviderAway):
        await sign_in(provider, fake)


@pytest.mark.parametrize("other", ["https://another.example", "http://127.0.0.1", "", "/"])
async def test_a_discovery_document_of_another_issuer_is_not_believed(
    provider: Provider, fake: FakeProvider, other: str
) -> None:
    fake.metadata["issuer"] = other
    with pytest.raises(ProviderAway):
        await provider.authorization_url(Challenge.fresh(), level=2, language=None)


async def test_a_provider_whom_nobody_reaches_is_away(provider: Provider, fake: FakeProvider) -> None:
    challenge = Challenge.fresh()
    code = fake.sign_in(await provider.authorization_url(challenge, level=2, language=None))
    await fake.stop()
    with pytest.raises(ProviderAway):
        await provider.claims(code, challenge)


async def test_a_provider_that_does_not_answer_in_time_is_away(
    provider: Provider, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.5)
        return web.Response()

    monkeypatch.setattr(oidc, "_TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    fake.answers[DISCOVERY] = slow
    with pytest.raises(ProviderAway):
        await sign_in(provider, fake)


async def test_a_provider_that_hangs_up_is_away(provider: Provider, fake: FakeProvider) -> None:
    async def hangs_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    fake.answers[TOKEN] = hangs_up
    with pytest.raises(ProviderAway):
        await sign_in(provider, fake)


async def test_the_clients_secret_goes_nowhere_but_to_the_token_endpoint(
    provider: Provider, fake: FakeProvider
) -> None:
    seen: dict[str, bool] = {}

    def watching(path: str, answer: Answer) -> Answer:
        async def watch(request: web.Request) -> web.StreamResponse:
            seen[path] = "Authorization" in request.headers
            return await answer(request)

        return watch

    fake.answers = {DISCOVERY: watching(DISCOVERY, fake._discovery), JWKS: watching(JWKS, fake._jwks)}
    fake.answers[TOKEN] = watching(TOKEN, fake._token)
    await sign_in(provider, fake)
    assert seen == {DISCOVERY: False, JWKS: False, TOKEN: True}
