"""The documents say what the code says, and what the released contracts promise still holds."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import jsoncompat
import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from afaq import documents
from afaq.cli import app
from afaq.documents import CONTRACTS, GENERATED, RELEASED, Documents, contracts_in, differences
from afaq.services import NAMES, functions_of
from shared.contracts.envelope import headers_of
from shared.contracts.event import Event, Origin, Recorded
from shared.contracts.payments import PaymentExpired
from shared.contracts.personal import codec_of
from shared.contracts.topics import TOPICS
from shared.store.log import log_row
from tests.unit.builders import NOW, an_id, through_json
from tests.unit.generated import QUICK, generated

Json: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[Json], None]

OASDIFF = "github.com/oasdiff/oasdiff@v1.36.0"
SECONDS_TO_BUILD = 40
EVENTS = [event for name in NAMES for event in documents.events_of(name)]
TOMBSTONES = {snapshot.gone for name in NAMES for snapshot in functions_of(name).snapshots}
each_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)


@pytest.fixture(scope="module")
def made() -> Documents:
    """Every document, as the code says it now."""
    return documents.documents()


@pytest.fixture(scope="module")
def asyncapi(made: Documents) -> Json:
    return parsed(made["asyncapi.json"])


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command writes in this test."""
    monkeypatch.setattr(documents, "GENERATED", tmp_path / "generated")
    monkeypatch.setattr(documents, "RELEASED", tmp_path / "contracts")
    return tmp_path


def parsed(text: str) -> Json:
    document: Json = json.loads(text)
    return document


# What is in the folders.


def test_the_generated_documents_are_what_the_code_says(made: Documents) -> None:
    assert differences(made, GENERATED) == [], "run `afaq docs`"


def test_check_tells_what_differs_and_writes_nothing(folders: Path) -> None:
    assert CliRunner().invoke(app, ["docs"]).exit_code == 0
    assert CliRunner().invoke(app, ["docs", "--check"]).exit_code == 0
    expired, left_over = (
        folders / "generated/events" / name
        for name in ("payments.payment.expired.v1.json", "payments.payment.lost.v1.json")
    )
    expired.unlink()
    left_over.write_text("{}")
    (folders / "generated/events.md").write_text("# Something else\n")
    checked = CliRunner().invoke(app, ["docs", "--check"])
    assert checked.exit_code == 1
    assert [line.rpartition(" ")[2] for line in checked.output.splitlines()] == [
        "events.md",
        f"events/{expired.name}",
        f"events/{left_over.name}",
    ]
    assert not expired.exists() and left_over.exists()


def test_what_is_no_document_any_more_goes(folders: Path) -> None:
    left_over = folders / "generated/events/payments.payment.lost.v1.json"
    left_over.parent.mkdir(parents=True)
    left_over.write_text("{}")
    CliRunner().invoke(app, ["docs"])
    assert not left_over.exists()


def test_only_a_release_changes_the_released_contracts_and_keeps_what_is_said_of_them(folders: Path) -> None:
    readme = folders / "contracts/README.md"
    readme.parent.mkdir()
    readme.write_text("# Released contracts\n")
    CliRunner().invoke(app, ["docs"])
    assert list(readme.parent.iterdir()) == [readme]
    CliRunner().invoke(app, ["docs", "--release"])
    assert {path.name for path in readme.parent.iterdir()} == {readme.name, *(name.strip("/") for name in CONTRACTS)}
    assert differences(contracts_in(documents.documents()), readme.parent) == []


# What the documents say of an event.


@each_event
def test_an_event_is_on_the_page_with_what_it_means(event: type[Event], made: Documents) -> None:
    assert event.__doc__
    line = next(
        line
        for line in made["events.md"].splitlines()
        if f"`{event.type}`](events/{event.type}.v{event.version}." in line
    )
    assert event.__doc__.partition("\n")[0].replace("|", "\\|") in line
    assert all(f"`{name}`" in line for name in event.model_fields)


@each_event
def test_a_schema_names_what_is_published_and_nothing_personal(event: type[Event], made: Documents) -> None:
    schema = parsed(made[f"events/{event.type}.v{event.version}.json"])
    jsonschema_rs.meta.validate(schema)
    assert schema["title"] == event.__name__
    assert schema["description"]
    private = set(codec_of(event).private)
    assert set(schema.get("properties", {})) == set(event.model_fields) - private


@each_event
@settings(QUICK, max_examples=15)
@given(data=st.data())
def test_what_is_published_fits_its_schema_which_is_closed(event: type[Event], data: st.DataObject) -> None:
    validator = jsonschema_rs.validator_for(documents.schema_of(event), validate_formats=True)
    value = through_json(codec_of(event).store(data.draw(generated(event)), an_id(), None).data)
    assert validator.is_valid(None if event in TOMBSTONES else value)
    assert not validator.is_valid({**value, "unheard_of": 1})


# AsyncAPI.


def test_every_reference_leads_somewhere(asyncapi: Json, made: Documents) -> None:
    assert [ref for ref in references(asyncapi) if not leads_somewhere(ref, asyncapi, made)] == []


@pytest.mark.parametrize("section", ["channels", "components"])
def test_a_reference_into_nothing_is_found(section: str, asyncapi: Json, made: Documents) -> None:
    mutant = {**asyncapi, section: {}}
    assert [ref for ref in references(mutant) if not leads_somewhere(ref, mutant, made)]


def references(part: Any) -> Iterator[str]:
    match part:
        case {"$ref": str(ref)}:
            yield ref
        case dict():
            for inner in part.values():
                yield from references(inner)
        case list():
            for inner in part:
                yield from references(inner)


def leads_somewhere(ref: str, document: Any, made: Documents) -> bool:
    if ref.startswith("./"):
        return ref.removeprefix("./") in made
    part = document
    for step in ref.removeprefix("#/").split("/"):
        part = part.get(step, {})
    return bool(part)


def test_every_topic_is_a_channel_with_its_settings(asyncapi: Json) -> None:
    said = {name: channel["bindings"]["kafka"] for name, channel in asyncapi["channels"].items()}
    assert set(said) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        kafka = said[topic.name]
        assert kafka["partitions"] == topic.partitions
        as_kafka_takes_it = {
            name: str(value) if isinstance(value, int) else ",".join(value)
            for name, value in kafka["topicConfiguration"].items()
        }
        assert as_kafka_takes_it == topic.config


def test_every_event_is_on_one_channel(asyncapi: Json) -> None:
    on_channels = [name for channel in asyncapi["channels"].values() for name in channel["messages"]]
    assert sorted(on_channels) == sorted(f"{event.type}.v{event.version}" for event in EVENTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_sends_to_its_topics_and_receives_what_it_follows(name: str, asyncapi: Json) -> None:
    service = functions_of(name)
    operations = {key: said for key, said in asyncapi["operations"].items() if key.startswith(f"{name}.")}
    sends = {f"{name}.send.{topic.name}" for topic in TOPICS if topic.owner == name}
    assert set(operations) == sends | {f"{name}.receive.{topic.name}" for topic in service.reads}
    assert all(said["messages"] for said in operations.values()), "a topic that is read for nothing"
    received = {
        ref["$ref"].rpartition("/")[2] for key in operations.keys() - sends for ref in operations[key]["messages"]
    }
    followed = {*service.reactions.events(), *service.projections.events()}
    own = {event for event in followed if event.type.startswith(f"{name}.") and event not in TOMBSTONES}
    assert received >= {f"{event.type}.v{event.version}" for event in followed - own}


def test_the_headers_are_those_that_the_relay_writes(asyncapi: Json) -> None:
    envelope = asyncapi["components"]["messageTraits"]["envelope"]["headers"]
    own = asyncapi["components"]["messages"]["payments.payment.expired.v1"]["headers"]
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    whole = headers(Origin(an_id("transaction"), an_id("cause"), "officer:1", "citizen:2", traceparent))
    bare = headers(Origin(an_id("transaction")))
    assert set(whole) == set(envelope["properties"])
    assert set(bare) == set(envelope["required"])
    for written in (whole, bare):
        for schema in (envelope, own):
            jsonschema_rs.validate(schema, written, validate_formats=True)


def headers(origin: Origin) -> dict[str, str]:
    expired = PaymentExpired(fee_id=an_id("fee"), for_id=an_id("request"))
    row = log_row("payment", Recorded(an_id("event"), an_id("payment"), 3, NOW, origin, expired), {}, 0)
    return {name: value.decode() for name, value in headers_of(row, source="/afaq/payments")}


# Released events: new code reads what was published before, and code of the release before reads what is published now.


def test_released_events_are_still_understood_and_understood_by_released_code(made: Documents) -> None:
    released = {f"events/{path.name}": path.read_text() for path in (RELEASED / "events").iterdir()}
    assert released
    assert no_longer_compatible(released, made) == []


def test_an_event_that_is_gone_is_not_compatible(made: Documents) -> None:
    name = "events/payments.payment.expired.v1.json"
    assert no_longer_compatible({name: made[name]}, {}) == [name]


def no_longer_compatible(released: Documents, present: Documents) -> list[str]:
    return [
        name
        for name, text in released.items()
        if name not in present or not is_compatible(parsed(text), parsed(present[name]))
    ]


def is_compatible(released: Json, present: Json) -> bool:
    """A reader passes over fields that it does not know, but is told in advance of new words in an enumeration."""
    reads_what_was = jsoncompat.check_compat(compared(released), compared(present), "deserializer")
    tolerant = {key: value for key, value in released.items() if key != "additionalProperties"}
    is_read = jsoncompat.check_compat(compared(any_word(tolerant)), compared(any_word(present)), "serializer")
    return reads_what_was and is_read


def compared(schema: Json) -> str:
    """Its formats as constants: to jsoncompat a format is a remark, and it does not compare patterns either."""

    def as_constant(part: Json) -> Json:
        return {**part, "const": part["format"]} if isinstance(part.get("format"), str) else part

    return json.dumps(json.loads(json.dumps(schema), object_hook=as_constant))


def any_word(schema: Json) -> Json:
    """Its enumerations as any text."""

    def without_words(part: Json) -> Json:
        return {key: value for key, value in part.items() if key not in ("enum", "const") or isinstance(value, dict)}

    widened: Json = json.loads(json.dumps(schema), object_hook=without_words)
    return widened


def remove(schema: Json) -> None:
    field = next(iter(schema["properties"]))
    del schema["properties"][field]
    schema["required"] = [name for name in schema.get("required", []) if name != field]


def rename(schema: Json) -> None:
    remove(schema)
    schema["properties"]["renamed"] = {"type": "string"}


def require_another(schema: Json) -> None:
    schema["properties"]["another"] = {"type": "string"}
    schema["required"] = [*schema.get("required", []), "another"]


def retype(schema: Json) -> None:
    schema["properties"][next(iter(schema["properties"]))] = {"type": "array", "items": {"type": "null"}}


def reformat(schema: Json) -> None:
    part = next(part for part in schema["properties"].values() if part.get("format") == "uuid")
    part["format"] = "date"


def leave_out(schema: Json) -> None:
    schema["required"] = schema["required"][1:]


def make_nullable(schema: Json) -> None:
    field = schema["required"][0]
    schema["properties"][field] = {"anyOf": [schema["properties"][field], {"type": "null"}]}


def take_a_word(schema: Json) -> None:
    enumeration(schema)["enum"].pop()


def add_a_field(schema: Json) -> None:
    schema["properties"]["another"] = {"type": "string", "default": ""}


def add_a_word(schema: Json) -> None:
    enumeration(schema)["enum"].append("another")


def say_it_otherwise(schema: Json) -> None:
    schema["description"] = "Said otherwise."


def enumeration(schema: Json) -> Json:
    part: Json = next(part for part in schema["$defs"].values() if "enum" in part)
    return part


def changed(made: Documents, change: Change) -> Iterator[tuple[str, bool]]:
    """Each event that can be changed so, and whether the change would be let through."""
    for name in made:
        if not name.startswith("events/"):
            continue
        mutant = parsed(made[name])
        try:
            change(mutant)
        except (KeyError, StopIteration, IndexError):
            continue  # the schema has no such part
        yield name, is_compatible(parsed(made[name]), mutant)


@pytest.mark.parametrize(
    "change", [remove, rename, require_another, retype, reformat, leave_out, make_nullable, take_a_word]
)
def test_a_change_that_somebody_would_stumble_over_is_refused(change: Change, made: Documents) -> None:
    verdicts = dict(changed(made, change))
    assert verdicts
    assert [name for name, is_let_through in verdicts.items() if is_let_through] == []


@pytest.mark.parametrize("change", [add_a_field, add_a_word, say_it_otherwise])
def test_a_change_that_nobody_stumbles_over_is_let_through(change: Change, made: Documents) -> None:
    verdicts = dict(changed(made, change))
    assert verdicts
    assert [name for name, is_let_through in verdicts.items() if not is_let_through] == []


# Released APIs.


@pytest.fixture(scope="module")
def oasdiff(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that compares OpenAPI documents, built from source; Go keeps what it has built for the next run."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("oasdiff is built with Go, which is not on this machine")
    folder = tmp_path_factory.mktemp("oasdiff")
    environment = {**os.environ, "GOBIN": str(folder)}
    try:
        subprocess.run(
            [go, "install", OASDIFF],
            cwd=folder,
            env=environment,
            timeout=SECONDS_TO_BUILD,
            check=True,
            capture_output=True,
            text=True,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"Go has not built oasdiff within {SECONDS_TO_BUILD} s; a next run goes on from there")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"Go cannot build oasdiff here: {error.stderr.strip().rpartition(chr(10))[2]}")
    return folder / "oasdiff"


def breaks(oasdiff: Path, released: Path, present: Path) -> str:
    """What clients of the released API would stumble over, in oasdiff's words."""
    compared = subprocess.run(
        [oasdiff, "breaking", "--fail-on", "ERR", "--format", "singleline", released, present],
        env={**os.environ, "OASDIFF_NO_TELEMETRY": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert compared.returncode in (0, 1), compared.stderr
    return compared.stdout if compared.returncode else ""


@pytest.mark.parametrize("name", NAMES)
def test_clients_of_the_released_api_are_served(name: str, oasdiff: Path, made: Documents, tmp_path: Path) -> None:
    present = tmp_path / "present.json"
    present.write_text(made[f"openapi/{name}.json"])
    assert not breaks(oasdiff, RELEASED / f"openapi/{name}.json", present)


def remove_a_path(document: Json) -> None:
    del document["paths"]["/payments/{payment_id}"]


def require_a_parameter(document: Json) -> None:
    parameter = {"name": "another", "in": "query", "required": True, "schema": {"type": "string"}}
    document["paths"]["/payments/{payment_id}"]["get"].setdefault("parameters", []).append(parameter)


def remove_an_answer(document: Json) -> None:
    responses = document["paths"]["/payments/{payment_id}"]["get"]["responses"]
    responses["204"] = responses.pop("200")


@pytest.mark.parametrize("change", [remove_a_path, require_a_parameter, remove_an_answer])
def test_a_change_that_a_client_would_stumble_over_is_refused(
    change: Change, oasdiff: Path, made: Documents, tmp_path: Path
) -> None:
    released, present = tmp_path / "released.json", tmp_path / "present.json"
    released.write_text(made["openapi/payments.json"])
    mutant = parsed(made["openapi/payments.json"])
    change(mutant)
    present.write_text(json.dumps(mutant))
    assert "/payments/{payment_id}" in breaks(oasdiff, released, present)
