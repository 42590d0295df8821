"""A migration runs beside the work: it looks through no table that is there while it holds a lock on it."""

import re

import pytest

from afaq.services import NAMES, migrations_of
from shared.store.migrate import KIT, Migration, read_migrations

MIGRATIONS = [
    *read_migrations("kit", KIT),
    *(migration for name in NAMES for migration in read_migrations(name, migrations_of(name))),
]
BEFORE_THE_RULE = {
    "kit 0002_add_urgent_jobs",
    "kit 0004_order_jobs_of_a_key",
    "identity 0002_create_relations_and_sessions",
    "payments 0002_pay_out",
    "payments 0004_find_what_is_owed",
    "payments 0005_cancel_payouts",
    "payments 0006_find_refunds_of_baskets",
    "requests 0002_create_offers",
    "requests 0005_list_requests_for_others",
}
COMMENT = re.compile(r"--[^\n]*")
MADE_HERE = re.compile(r"\bcreate table (?:if not exists )?(\w+)")
INDEX = re.compile(r"\bcreate (?:unique )?index (?!concurrently\b).*?\bon (?:only )?(\w+)")
ALTERED = re.compile(r"\balter table (?:if exists )?(?:only )?(\w+) (.+)")
CHECKED = re.compile(r"\b(?:check|references)\b")


def looked_through(migration: Migration) -> list[str]:
    """The tables that are there before and are read or written whole under a lock, each with what does so."""
    text = " ".join(COMMENT.sub("", migration.text).lower().split())
    new, found = set(MADE_HERE.findall(text)), list[tuple[str, str]]()
    for statement in text.split(";"):
        found += [(table, "index") for table in INDEX.findall(statement)]
        for table, what in ALTERED.findall(statement):
            if len(CHECKED.findall(what)) > what.count("not valid"):
                found.append((table, "constraint"))
            if "stored" in what:
                found.append((table, "stored column"))
    return [f"{table}: {what}" for table, what in found if table not in new]


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda migration: migration.name)
def test_nobody_waits_for_a_migration_that_looks_through_a_table(migration: Migration) -> None:
    found = looked_through(migration)
    assert bool(found) == (f"{migration.folder} {migration.name}" in BEFORE_THE_RULE), found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("create index a on payments (id);", ["payments: index"]),
        ("-- no-transaction\ncreate index concurrently if not exists a on payments (id)", []),
        ("create table new (id uuid check (id <> '0'));\ncreate unique index a\n on new (id);", []),
        ("alter table payments add constraint a check (b > 0);", ["payments: constraint"]),
        ("alter table payments add constraint a\n foreign key (b) references c (d) not valid", []),
        ("alter table payments add column b uuid references c (d)", ["payments: constraint"]),
        ("alter table payments validate constraint a; -- check it", []),
        ("alter table payments add b uuid generated always as (id) stored", ["payments: stored column"]),
        ("alter table payments add b text not null default ''", []),
    ],
)
def test_what_looks_through_a_table_is_found(text: str, found: list[str]) -> None:
    assert looked_through(Migration("payments", "0099_new", text)) == found
