"""From the last release to this one, back, and on again, under load, in the order of docs/operations/upgrades.md."""

import re
import time
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from afaq.demo.client import Api
from afaq.demo.people import synthetic_people
from afaq.services import NAMES
from deploy.verify.kubernetes.cluster import ByService, give_access
from deploy.verify.kubernetes.load import session_of
from deploy.verify.kubernetes.releases import images
from deploy.verify.kubernetes.world import World, seconds_until
from shared.kernel.civil_id import synthetic_civil_id

LAST, THIS = "last", "1"
OF_NOBODY_ELSE = next(number for serial in count(9000) if (number := synthetic_civil_id(date(1910, 12, 30), serial)))
NEW_IN_THIS = "traffic-fine-payment"
"""A service whose newest version has words that the last release does not know."""
FINES, FINE_FILS = "unpaid_traffic_fines_fils", 30_000
IMAGE = "localhost/afaq-verify/afaq"


async def upgrade_from_last_release(world: World) -> None:
    """Real migrations: expand, roll, look, back, and forward; publish; contract. Nobody is to notice any of it."""
    world.scene("from the last release to this one, back, and on again, under load")
    await world.begin(LAST)
    await world.cluster.helm("install", f"--set-string=image.tag={LAST}")
    await world.until_settled()
    world.must(await images(world) == {LAST}, f"the last release: {await world.count()}")
    await world.birth()
    began = time.monotonic()
    async with world.load():
        await give_access(world.cluster, THIS)
        await _roll(world, "expanded and rolled")
    async with world.load():
        seconds = await world.cluster.helm("rollback")
        world.must(await images(world) == {LAST}, f"helm rollback: {seconds:.0f} s; {await _looked(world)}")
        await world.birth()
    async with world.load():
        await _roll(world, "forward again")
    async with world.load():
        seconds = await world.cluster.helm("upgrade")
        world.must(await _offered(world) == 2, f"published: {seconds:.0f} s; {await _looked(world)}")
        await _a_newer_event(world)
        world.saw(f"contracted: {await _contract(world)}")
        await world.birth()
    world.saw(f"{time.monotonic() - began:.0f} s in all")
    await world.audit()


async def _a_newer_event(world: World) -> None:
    """What identity's last release cannot read waits there for this one: somebody's fines, which they have paid."""
    seconds = await _identity_is(world, LAST)
    names = await ByService.of(world.cluster)
    async with session_of(names) as session:
        api = Api(await world.cluster.urls(), session)
        token = await _a_paid_fine(api)

        async def is_parked() -> bool:
            return "parked in identity: 0" not in await _parked_in(world, "identity")

        waited = await seconds_until(is_parked, within=60)
        world.must(not await _owes_nothing(api, token), f"identity is the last release's after {seconds:.0f} s; parked")
        seconds = await _identity_is(world, THIS)
        settled = await seconds_until(lambda: _owes_nothing(api, token), within=60)
    world.saw(f"parked after {waited:.0f} s; this release's after {seconds:.0f} s, known {settled:.0f} s later")
    await _looked(world)


async def _identity_is(world: World, release: str) -> float:
    began, worker = time.monotonic(), "statefulset/afaq-identity-worker"
    await world.cluster.kubectl("set", "image", worker, f"afaq={IMAGE}:{release}")
    await world.cluster.kubectl("rollout", "status", worker, "--timeout=300s")
    return time.monotonic() - began


async def _a_paid_fine(api: Api) -> str:
    """The token of somebody who has paid their fines with the new version of the service."""
    [person] = synthetic_people(1, today=datetime.now(UTC).date(), now="2026-01-01T00:00:00Z")
    told = {"value": FINE_FILS, "source": "moi-traffic", "as_of": "2026-01-01T00:00:00Z"}
    form = {**person.form, "civil_id": OF_NOBODY_ELSE, "facts": {**person.form["facts"], FINES: told}}
    await api.post("identity", "/persons", form, await api.sign_in(role="registrar"))
    token, asked = await api.sign_in(civil_id=OF_NOBODY_ELSE), {"service_id": NEW_IN_THIS, "form": {}}

    async def is_known() -> bool:
        judged = await api.get("requests", "/eligibility", token)
        return any((found["service_id"], found["eligible"]) == (NEW_IN_THIS, "yes") for found in judged)

    await api.until(is_known, "knowledge of the person in requests")
    request = await api.post("requests", "/requests", asked, token)
    payment = f"/payments/{request['payment_id']}"
    await api.until(lambda: api.find("payments", payment, token), "payment")
    await api.post("payments", f"{payment}/attempts", None, token)

    async def page() -> Any:
        return (await api.get("payments", payment, token))["page_url"]

    await api.pay_on_hosted_page(await api.until(page, "page"))

    async def is_fulfilled() -> bool:
        return bool((await api.get("requests", f"/requests/{request['id']}", token))["status"] == "fulfilled")

    await api.until(is_fulfilled, "end of the request")
    return token


async def _owes_nothing(api: Api, token: str) -> bool:
    return bool((await api.get("identity", "/me", token))["facts"][FINES]["value"] == 0)


async def _roll(world: World, what: str) -> None:
    """This release's processes in the place of the last one's; nothing is offered yet that those could not read."""
    seconds = await world.cluster.helm("upgrade", *_of(THIS))
    world.must(await images(world) == {THIS}, f"{what}: {seconds:.0f} s; {await _looked(world)}")
    offered = await _offered(world)
    world.must(offered == 1, f"{NEW_IN_THIS} is offered in version {offered}")
    await world.birth()


def _of(release: str) -> tuple[str, str]:
    """This release, or the last, which publishes nothing that the last does not know."""
    return f"--set-string=image.tag={release}", "--set-string=services.requests.env.PUBLISHES_SEED=false"


async def _looked(world: World) -> str:
    """What operators see: pods, and what could not be processed, of which there has to be nothing."""
    said = [await _parked_in(world, name) for name in NAMES]
    parked = [table for name, table in zip(NAMES, said, strict=True) if f"parked in {name}: 0" not in table]
    world.must(not parked, "\n".join(parked) or "nothing is parked")
    return await world.count()


async def _parked_in(world: World, name: str) -> str:
    return await world.cluster.execute("operator", "afaq", "parked", "list", name, namespace="outside")


async def _offered(world: World) -> int:
    """The version in which people are offered what is new."""
    async with session_of(await ByService.of(world.cluster)) as session:
        offered = await Api(await world.cluster.urls(), session).get("requests", "/catalogue")
    return next((int(service["version"]) for service in offered if service["id"] == NEW_IN_THIS), 0)


async def _contract(world: World) -> str:
    """The migrations' Jobs by hand, told to take away as well."""
    hooks = await world.cluster.run("helm", "get", "hooks", "afaq", "-n", "afaq")
    told = re.sub(r'(args: \["migrate".*)\]', r'\1,"--contract"]', hooks)
    those = ("-l", "afaq/role=migrate")
    await world.cluster.kubectl("apply", *those, "-f", "-", given=told)
    await world.cluster.kubectl("wait", "job", *those, "--for=condition=Complete", "--timeout=300s")
    said = await world.cluster.kubectl("logs", *those)
    await world.cluster.kubectl("delete", "job", *those)
    return said.strip().replace("\n", "; ")
