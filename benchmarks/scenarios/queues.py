"""Lists over very many: a page of an agency's queue, and of an applicant's requests, from anywhere in them."""

import itertools
import random
import time
from uuid import UUID

import asyncpg

from benchmarks import gate
from benchmarks.cpu import Accounts
from benchmarks.figures import Sample, latencies
from benchmarks.lab import Lab
from benchmarks.scenarios.scenario import Ratio, Scenario
from benchmarks.servers import Servers
from services.requests.app import FOLDER, service
from services.requests.domain.request import request
from services.requests.queries import open_tasks, requests_of_applicant
from shared.kernel.clock import SystemClock
from shared.store.keyring import KeyRing
from shared.store.migrate import migrate
from shared.store.pool import open_pool
from shared.store.shell import Shell

FEW, MANY = "1,000 requests", "all requests"
PAGE, PAGES = 50, 2000
AGENCY, APPLICANT = "moi-traffic", UUID(int=1)
FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)
FILL_REQUESTS = """
insert into requests (id, version, shape, state, correlation_id, updated_at)
select id, 5, $2, jsonb_build_object(
    'id', id, 'status', 'in_progress', 'service_id', 'driving-licence-renewal', 'service_version', 3,
    'reference', 'AFQ-' || k, 'applicant_id', $3::uuid, 'beneficiary_id', $3::uuid, 'parties', '{}'::jsonb,
    'open', jsonb_build_object('review', jsonb_build_object('owner', 'agency', 'ref', id)), 'done', '["fee"]'::jsonb,
    'waits_for', 'agency', 'padding', repeat('x', 400)), id, now()
from (select k, lpad(to_hex(k), 32, '0')::uuid as id from generate_series(1, $1::bigint) as k) as made
"""
FILL_TASKS = """
insert into tasks (id, version, shape, state, correlation_id, updated_at)
select id, 1, 4, jsonb_build_object(
    'status', 'open', 'request_id', id, 'applicant_id', $2::uuid, 'agency', $3::text,
    'service_id', 'driving-licence-renewal', 'title', '{"ar": "مراجعة", "en": "Review"}'::jsonb, 'needs', '[]'::jsonb),
    id, now()
from (select lpad(to_hex(k), 32, '0')::uuid as id from generate_series(1, $1::bigint) as k) as made
"""


async def run(lab: Lab) -> list[Sample]:
    """A small store and a large one in turn, on fresh servers."""
    samples = []
    for round in range(1, lab.options.rounds + 1):
        for system, count in ((FEW, 1000), (MANY, lab.options.stored)):
            async with lab.servers(system, kafka=False) as servers:
                samples.append(await _measure(lab, servers, system, round, count))
    return samples


async def _measure(lab: Lab, servers: Servers, system: str, round: int, count: int) -> Sample:
    dsn = await _filled(servers, count)
    lab.say(f"  {count:,} requests and as many open tasks")
    pool = await open_pool(dsn, application="bench", size=8)
    shell = await Shell.open(service, pool, KeyRing(bytes(32)), SystemClock())
    chance, accounts = random.Random(round), Accounts(servers.roots)  # noqa: S311
    before, took_queue, took_list, wrong = accounts.read(), list[float](), list[float](), list[str]()
    for number in itertools.count():
        if number == PAGES:
            break
        place = UUID(int=chance.randrange(1, max(2, count - PAGE)))
        began = time.perf_counter()
        tasks = await open_tasks(pool, [AGENCY], place, PAGE + 1)
        queued = time.perf_counter()
        ids = await requests_of_applicant(pool, APPLICANT, UUID(int=place.int + PAGE + 1), PAGE + 1)
        await pool.fetch("select id, version, state from requests where id = any($1) order by id desc", ids)
        took_queue.append(queued - began)
        took_list.append(time.perf_counter() - queued)
        if len(tasks) != PAGE + 1 or len(ids) != min(PAGE + 1, place.int + PAGE):
            wrong.append(f"a page from {place.int} has {len(tasks)} tasks and {len(ids)} requests")
    used = accounts.read().since(before)
    await shell.drain()
    await pool.close()
    figures = {"stored": float(count), **latencies(took_queue, "queue "), **latencies(took_list, "list ")}
    return Sample(system, round, figures, problems=wrong[:3], noise=gate.check_noise(used))


async def _filled(servers: Servers, count: int) -> str:
    dsn = await servers.create_database("bench_requests")
    await migrate(dsn, "requests", FOLDER / "migrations", app_role="postgres")
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("set synchronous_commit = off")
        await connection.execute(FILL_REQUESTS, count, request.shape, APPLICANT)
        await connection.execute(FILL_TASKS, count, APPLICANT, AGENCY)
        await connection.execute("vacuum analyze requests")
        await connection.execute("vacuum analyze tasks")
    finally:
        await connection.close()
    await servers.checkpoint()
    return dsn


SCENARIO = Scenario(
    name="queues",
    question="How long takes a page of an agency's queue, or of somebody's requests, when there are very many?",
    piece="page",
    run=run,
    ratios=[Ratio(MANY, FEW, "queue p95 ms"), Ratio(MANY, FEW, "list p95 ms")],
)
