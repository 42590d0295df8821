"""The documents of the contracts, read off the code: events and their schemas, AsyncAPI, each service's OpenAPI."""

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

import typer
from pydantic import BaseModel, ConfigDict, create_model
from pydantic.json_schema import GenerateJsonSchema

from afaq.services import NAMES, functions_of
from shared.contracts.event import Event, all_events
from shared.contracts.personal import codec_of
from shared.contracts.topics import TOPICS, Topic
from shared.functions import Service
from shared.web.app import bare_app

app = typer.Typer(help=__doc__)

DOCS = Path(__file__).parent.parent / "docs"
GENERATED = DOCS / "generated"
RELEASED = DOCS / "contracts"
CONTRACTS = ("events/", "openapi/")
"""What others rely on: a release keeps a copy of it, and the tests compare later documents with the copy."""

Documents = Mapping[str, str]
"""Texts by path."""

_BINDING = {"bindingVersion": "0.5.0"}
_UUID = {"type": "string", "format": "uuid"}
_COUNT = {"type": "string", "pattern": "^[1-9][0-9]*$"}
_HEADERS: Mapping[str, Mapping[str, Any]] = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {**_UUID, "description": "The event's own id; a record that comes twice has the same."},
    "ce_type": {"type": "string"},
    "ce_source": {"type": "string"},
    "ce_subject": {**_UUID, "description": "The aggregate, which is the record's key too."},
    "ce_time": {"type": "string", "format": "date-time", "description": "When it was recorded (UTC)."},
    "ce_sequence": {**_COUNT, "description": "Counts the aggregate's events from 1; of a snapshot, its version."},
    "ce_correlationid": {**_UUID, "description": "The transaction that it belongs to."},
    "ce_causationid": {**_UUID, "description": "The event that caused it."},
    "ce_actor": {"type": "string", "description": "Who did it: the platform, or a role and an id."},
    "ce_onbehalfof": {"type": "string", "description": "For whom, where that is somebody else."},
    "ce_schemaversion": {**_COUNT, "description": "A version that a reader does not know waits for newer code."},
    "content-type": {"const": "application/json"},
    "traceparent": {"type": "string", "description": "W3C Trace Context."},
    "correlation_id": {**_UUID, "description": "The same as ce_id."},
}
_MAY_BE_ABSENT = {"ce_causationid", "ce_onbehalfof", "traceparent"}


@app.callback(invoke_without_command=True)
def docs(
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 where a document differs.")] = False,
    release: Annotated[bool, typer.Option("--release", help="Make them the released contracts too.")] = False,
) -> None:
    """Write the documents of the contracts under docs/generated."""
    made = documents()
    if check:
        differing = differences(made, GENERATED)
        for name in differing:
            typer.echo(f"not what the code says: {name}")
        raise typer.Exit(1 if differing else 0)
    write(made, GENERATED)
    if release:
        write(contracts_in(made), RELEASED)


def documents() -> Documents:
    """Every document as the code says it now."""
    made = {_schema_path(event): _json(schema_of(event)) for name in NAMES for event in events_of(name)}
    made |= {f"openapi/{name}.json": _json(openapi_of(name)) for name in NAMES}
    made |= {"asyncapi.json": _json(asyncapi()), "events.md": events_page()}
    return {**made, "service-definition.schema.json": definition_schema()}


def definition_schema() -> str:
    """The JSON Schema of service definitions, by which editors help whoever writes one."""
    from services.requests.domain.definition import ServiceDefinition

    dialect = {"$schema": GenerateJsonSchema.schema_dialect}
    return _json({**dialect, **ServiceDefinition.model_json_schema(schema_generator=_Untitled)})


def contracts_in(made: Documents) -> Documents:
    """Those of the documents that a release keeps."""
    return {name: text for name, text in made.items() if name.startswith(CONTRACTS)}


def differences(made: Documents, folder: Path) -> list[str]:
    """The documents that the folder has otherwise, has not, or has although there are none such any more."""
    there = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.json")}
    there |= {name: (folder / name).read_text() for name in made if (folder / name).exists()}
    return sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))


def write(made: Documents, folder: Path) -> None:
    """Makes the folder's documents these."""
    for name in differences(made, folder):
        path = folder / name
        if name not in made:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[name])


def events_of(name: str) -> list[type[Event]]:
    """The events that a service produces, in the order of their declaration."""
    module = import_module(f"shared.contracts.{name}").__name__
    return [event for event in all_events() if event.__module__ == module]


def schema_of(event: type[Event]) -> dict[str, Any]:
    """What is published of an event, as JSON Schema 2020-12.

    It is closed for writers; a reader passes over what it does not know. What has a default is not required: older
    events are without it.
    """
    dialect = {"$schema": GenerateJsonSchema.schema_dialect}
    if event in _tombstones():
        return {**dialect, "title": event.__name__, "description": _meaning(event), "type": "null"}
    published = {
        name: (field.annotation, field) for name, field in event.model_fields.items() if name in _public(event)
    }
    model: type[BaseModel] = create_model(  # type: ignore[call-overload]
        event.__name__, __config__=ConfigDict(extra="forbid"), __doc__=event.__doc__, **published
    )
    return {**dialect, **model.model_json_schema(schema_generator=_Untitled)}


class _Untitled(GenerateJsonSchema):
    """Without titles that only repeat the fields' names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def openapi_of(name: str) -> dict[str, Any]:
    """The OpenAPI document of a service as it is served in production."""
    return bare_app(name, import_module(f"services.{name}.api").router).openapi()


def asyncapi() -> dict[str, Any]:
    """The topics, what is on them, and which service sends and receives it, as AsyncAPI 3.0."""
    messages = {_message_name(event): _message(event) for topic in TOPICS for event in _published_on(topic)}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Afaq events",
            "version": "1",
            "description": "CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the value is the data.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(operation for name in NAMES for operation in _operations(functions_of(name))),
        "components": {"messages": messages, "messageTraits": {"envelope": _envelope()}},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    kept = "The newest record of each key is kept" if topic.compacted else "Every record is kept"
    settings = {name: [value] if name == "cleanup.policy" else int(value) for name, value in topic.config.items()}
    kafka = {"topic": topic.name, "partitions": topic.partitions, "topicConfiguration": settings, **_BINDING}
    return {
        "address": topic.name,
        "description": f"Written by {topic.owner}. {kept}.",
        "messages": {name: _ref("components", "messages", name) for name in _message_names(_published_on(topic))},
        "bindings": {"kafka": kafka},
    }


def _operations(service: Service) -> Iterator[tuple[str, dict[str, Any]]]:
    for topic in TOPICS:
        if topic.owner == service.name:
            yield f"{service.name}.send.{topic.name}", _operation("send", topic, _published_on(topic))
    for topic in service.reads:
        understood = [event for event in _published_on(topic) if service.cares_for(event.type)]
        yield f"{service.name}.receive.{topic.name}", _operation("receive", topic, understood)


def _operation(action: str, topic: Topic, events: Iterable[type[Event]]) -> dict[str, Any]:
    messages = [_ref("channels", topic.name, "messages", name) for name in _message_names(events)]
    return {"action": action, "channel": _ref("channels", topic.name), "messages": messages}


def _message(event: type[Event]) -> dict[str, Any]:
    said = {
        "ce_type": {"const": event.type},
        "ce_source": {"const": f"/afaq/{_producer(event)}"},
        "ce_schemaversion": {"const": str(event.version)},
    }
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": _meaning(event),
        "headers": {"type": "object", "properties": said},
        "payload": {"$ref": f"./{_schema_path(event)}"},
        "traits": [_ref("components", "messageTraits", "envelope")],
    }


def _envelope() -> dict[str, Any]:
    required = [name for name in _HEADERS if name not in _MAY_BE_ABSENT]
    return {
        "contentType": "application/json",
        "headers": {"type": "object", "required": required, "properties": _HEADERS},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {"kafka": {"key": _UUID, **_BINDING}},
    }


def events_page() -> str:
    """Every event on one page, by producing service: what it means, what is in it, and who follows it."""
    snapshots = _snapshots()
    sections = [
        _INTRODUCTION,
        *(_section(name, [event for event in events_of(name) if event not in snapshots]) for name in NAMES),
        _SNAPSHOTS,
        _table(snapshots),
    ]
    return "\n\n".join(sections) + "\n"


_INTRODUCTION = """# Events

Made from the code by `afaq docs`. An event's schema says what is published of it. [asyncapi.json](asyncapi.json) says
on which topic, with which headers, and who reads that topic. What is sealed is so with the key of a person."""

_SNAPSHOTS = """## Snapshots

The newest state of what others need whole, on the compacted topics `identity.persons` and `identity.keys`. A tombstone
has no value: Kafka removes what was there."""


def _section(name: str, events: Iterable[type[Event]]) -> str:
    return f"## {name}\n\n{_table(events)}"


def _table(events: Iterable[type[Event]]) -> str:
    return "\n".join(
        ["| Event | Meaning | Fields | Reacted to by | Projected by |", "|---|---|---|---|---|", *map(_line, events)]
    )


def _line(event: type[Event]) -> str:
    cells = (
        f"[`{event.type}`]({_schema_path(event)}) v{event.version}",
        _meaning(event).replace("|", "\\|"),
        _fields(event),
        ", ".join(name for name in NAMES if functions_of(name).reactions.to(event)),
        ", ".join(name for name in NAMES if functions_of(name).projections.of(event)),
    )
    return f"| {' | '.join(cells)} |"


def _fields(event: type[Event]) -> str:
    if event in _tombstones():
        return "a tombstone"
    private = codec_of(event).private
    sealed = f"sealed, never published: {_names(private)}" if private else ""
    return "<br>".join(filter(None, [_names(_public(event)), sealed]))


def _names(fields: Iterable[str]) -> str:
    return ", ".join(f"`{field}`" for field in fields)


def _public(event: type[Event]) -> list[str]:
    return [name for name in event.model_fields if name not in codec_of(event).private]


def _meaning(event: type[Event]) -> str:
    assert event.__doc__ is not None
    return event.__doc__.strip().partition("\n")[0]


def _published_on(topic: Topic) -> list[type[Event]]:
    snapshots = _snapshots()
    if topic.compacted:
        return [event for event, on in snapshots.items() if on is topic]
    return [event for event in events_of(topic.owner) if event not in snapshots] if topic.owner in NAMES else []


def _snapshots() -> dict[type[Event], Topic]:
    """The events on compacted topics: what a snapshot's function is annotated to give, and its tombstone."""
    found: dict[type[Event], Topic] = {}
    for name in NAMES:
        for snapshot in functions_of(name).snapshots:
            given = get_type_hints(snapshot.of)["return"]
            published = [cls for cls in get_args(given) or (given,) if cls is not NoneType]
            found |= dict.fromkeys((*published, snapshot.gone), snapshot.topic)
    return found


def _tombstones() -> frozenset[type[Event]]:
    return frozenset(snapshot.gone for name in NAMES for snapshot in functions_of(name).snapshots)


def _producer(event: type[Event]) -> str:
    return event.type.partition(".")[0]


def _message_name(event: type[Event]) -> str:
    return f"{event.type}.v{event.version}"


def _message_names(events: Iterable[type[Event]]) -> list[str]:
    return [_message_name(event) for event in events]


def _schema_path(event: type[Event]) -> str:
    return f"events/{_message_name(event)}.json"


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "/".join(("#", *path))}


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
