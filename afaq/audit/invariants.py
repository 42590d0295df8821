"""What must always hold, as pure functions over the evidence. Each tells what it has counted, and who offends."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from afaq.audit.evidence import Evidence, Logged, ServiceEvidence
from shared.kernel.ids import derive_id

RECOVERS_WITHIN = timedelta(seconds=60)
RUNNING = ("submitted", "in_progress", "needs_information", "approved")
CAPTURED = "CAPTURED"
TIME_TO_ANSWER = "WordHasNotCome"
TAKEN = ("payments.payment.captured", "payments.payment.captured_unasked", "payments.basket.captured")
INQUIRIES = ("InquireAttempt", "OpenPage", "InquireBasket", "OpenBasketPage")
OWED = ("unasked", "refunds_due", "payouts_due", "baskets")
"""Accounts that never owe us."""


@dataclass(frozen=True)
class Finding:
    """An invariant, in one sentence; what was counted to check it; and each violation, in words that do not change.

    `not_seen`: why it could not be checked here, or only in part.
    """

    id: str
    says: str
    counts: Mapping[str, int]
    offenders: Sequence[str] = field(default_factory=tuple)
    not_seen: str | None = None

    @property
    def was_checked(self) -> bool:
        """Whether anything of it could be looked at here."""
        return self.not_seen is None or any(self.counts.values())


Check = Callable[[Evidence], Finding]
CHECKS: list[Check] = []


def invariant(id: str) -> Callable[[Callable[[Evidence, Counter[str]], Iterator[str]]], Check]:
    """Registers a check: its docstring says what must hold; it counts what it sees, and yields the offenders."""

    def register(check: Callable[[Evidence, Counter[str]], Iterator[str]]) -> Check:
        def run(evidence: Evidence) -> Finding:
            counts: Counter[str] = Counter()
            offenders = sorted(set(check(evidence, counts)))
            not_seen = next((name[4:] for name in counts if name.startswith("not:")), None)
            shown = {name: count for name, count in counts.items() if not name.startswith("not:")}
            return Finding(id, check.__doc__ or "", shown, offenders, not_seen)

        CHECKS.append(run)
        return run

    return register


def check_all(evidence: Evidence) -> list[Finding]:
    """Every invariant, in order."""
    return [check(evidence) for check in CHECKS]


@invariant("I1")
def acknowledged_exists(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """Every acknowledged request exists, once."""
    submitted = Counter(event.aggregate_id for event in _events(evidence, "requests", "requests.request.submitted"))
    counts["acknowledged"], counts["requests"] = len(evidence.acknowledged), len(submitted)
    if not evidence.acknowledged:
        counts["not:clients' own record of what they were told is not given"] = 1
    for id in evidence.acknowledged - submitted.keys():
        yield f"request {id} was acknowledged and does not exist"
    for id, times in submitted.items():
        if times > 1:
            yield f"request {id} was submitted {times} times"
    answered = set(evidence.services["requests"].states["request"])
    for id in submitted.keys() - answered:
        yield f"request {id} has no state"


@invariant("I2")
def charged_once(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """Each fee is charged once, and what the gateway took is in our books."""
    ledger = evidence.ledgers.gateway
    if ledger is None:
        counts["not:the gateway's ledger cannot be read here"] = 1
        return
    attempts = _attempts(evidence)
    yield from _one_payment_a_fee(evidence)
    booked = {
        event.data.get("attempt_id", str(event.aggregate_id)): event.data["amount_fils"]
        for event in _events(evidence, "payments", *TAKEN)
        if not event.data.get("basket_id")  # a part of what its basket has taken
    }
    due = {e.data["refund_id"]: e.data["attempt_id"] for e in _events(evidence, "payments", "payments.refund.due")}
    made = {event.data["refund_id"] for event in _events(evidence, "payments", "payments.refund.made")}
    goes_back = set(due.values())
    kept: Counter[UUID] = Counter()
    taken: dict[str, int] = {}
    refunded: Counter[str] = Counter()
    for attempt in ledger:
        id, refunds = attempt["trackid"], [refund["trackid"] for refund in attempt["refunds"]]
        refunded.update(refunds)
        if attempt["result"] == CAPTURED:
            taken[id] = attempt["amt_fils"]
        if id not in attempts:
            yield f"attempt {id} is at the gateway and not in our log"
        elif attempt["result"] == CAPTURED and id not in goes_back:
            kept.update(payment for part, payment in attempts[id].items() if part not in goes_back)
        if not set(refunds) <= due.keys():
            yield f"attempt {id} was refunded and no refund was due"
    for refund_id, times in refunded.items():
        if times > 1:
            yield f"refund {refund_id} was made {times} times"
    for refund_id in made - refunded.keys():
        yield f"refund {refund_id} is made in our log and not at the gateway"
    counts["attempts at the gateway"], counts["captured"] = len(ledger), len(taken)
    yield from _money_is_booked(evidence, taken, booked, attempts)
    yield from _paid_out(evidence)
    for payment_id, times in kept.items():
        if times > 1:
            yield f"payment {payment_id} was charged {times} times"


def _attempts(evidence: Evidence) -> dict[str, dict[str, UUID]]:
    """What the gateway may know, each with what it is for: attempts, of one payment or of each in a basket."""
    attempts: dict[str, dict[str, UUID]] = {
        str(event.aggregate_id): {} for event in _events(evidence, "payments", "payments.basket.gathered")
    }
    for event in _events(evidence, "payments", "payments.payment.attempted"):
        id = event.data["attempt_id"]
        attempts.setdefault(event.data.get("basket_id") or id, {})[id] = event.aggregate_id
    return attempts


def _one_payment_a_fee(evidence: Evidence) -> Iterator[str]:
    fees = Counter(event.data["fee_id"] for event in _events(evidence, "payments", "payments.payment.requested"))
    for fee_id, times in fees.items():
        if times > 1:
            yield f"fee {fee_id} has {times} payments"


def _money_is_booked(
    evidence: Evidence,
    taken: Mapping[str, int],
    booked: Mapping[str, int],
    attempts: Mapping[str, Mapping[str, UUID]],
) -> Iterator[str]:
    jobs = evidence.services["payments"].jobs
    asked = {
        str(job.payload.get("attempt_id", job.key)) for job in jobs if job.name in INQUIRIES or job.kind == "event"
    }
    reacting = {job.key for job in jobs if job.kind == "event"}
    for id, amount in taken.items():
        if id not in booked and id not in asked and reacting.isdisjoint(attempts.get(id, {}).values()):
            yield f"attempt {id} took {amount} fils that nobody will ever ask about"
        if id in booked and booked[id] != amount:
            yield f"attempt {id} took {amount} fils and is booked with {booked[id]}"
    for id in booked.keys() - taken.keys():
        yield f"attempt {id} is booked and the gateway has taken nothing"


def _paid_out(evidence: Evidence) -> Iterator[str]:
    """The bank has paid each payout once, and nothing else."""
    paid = Counter(payment["bank_reference"] for payment in evidence.ledgers.bank or ())
    made = Counter(e.data["bank_reference"] for e in _events(evidence, "payments", "payments.payout.made"))
    for reference, times in (made - paid).items():
        yield f"payout {reference} is made in our log and {times} times too few at the bank"
    amounts = Counter(payment["amount_fils"] for payment in evidence.ledgers.bank or ())
    owed = Counter(e.data["amount_fils"] for e in _events(evidence, "payments", "payments.payout.requested"))
    owed -= Counter(e.data["amount_fils"] for e in _events(evidence, "payments", "payments.payout.cancelled"))
    for amount, times in (amounts - owed).items():
        yield f"the bank has paid {amount} fils {times} times more often than it was owed"


@invariant("I3")
def transfers_balance(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """Transfers are what the events say, and balance."""
    payments = evidence.services["payments"]
    expected = {derive_id("transfer", *what): amount for what, amount in _booked(payments)}
    stored = {UUID(row["id"]): row["amount_fils"] for row in payments.rows.get("transfers", ())}
    counts["transfers"], counts["fils moved"] = len(stored), sum(stored.values())
    for id in expected.keys() ^ stored.keys():
        yield f"transfer {id} is {'not booked' if id in expected else 'booked and was never made'}"
    for id in expected.keys() & stored.keys():
        if expected[id] != stored[id]:
            yield f"transfer {id} is of {stored[id]} fils, its event of {expected[id]}"
    balances: Counter[str] = Counter()
    for row in payments.rows.get("transfers", ()):
        balances[row["debit"]] += row["amount_fils"]
        balances[row["credit"]] -= row["amount_fils"]
    for account, balance in balances.items():
        if account in OWED and balance > 0:
            yield f"more left the account {account} than came to it: {balance} fils"
    if balances["baskets"] and not any(job.kind == "event" for job in payments.jobs):
        yield f"{-balances['baskets']} fils of baskets are nobody's"


def _booked(payments: ServiceEvidence) -> Iterator[tuple[Sequence[str], int]]:
    """Every transfer that an event makes: what it books, with the agency whose share it is, and the amount."""
    kinds = {
        **dict.fromkeys(TAKEN, "capture"),
        "payments.refund.due": "refund-due",
        "payments.refund.made": "refund-made",
        "payments.payout.requested": "payout-due",
        "payments.payout.cancelled": "payout-cancelled",
        "payments.payout.made": "payout-made",
    }
    for event in payments.log:
        if event.type in kinds:
            what = kinds[event.type], event.data.get("attempt_id", str(event.aggregate_id))
            shares = event.data.get("shares") or {}
            yield from (((*what, agency), amount) for agency, amount in shares.items())
            if not shares:
                yield what, event.data["amount_fils"]


@invariant("I4")
def states_are_folds(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """Every state is what its events make, without gaps."""
    for name, service in evidence.services.items():
        last: dict[tuple[str, UUID], int] = {}
        for event in sorted(service.log, key=lambda event: (event.aggregate_id, event.sequence)):
            key = event.aggregate, event.aggregate_id
            if event.sequence != last.get(key, 0) + 1:
                yield f"{name}: {event.aggregate} {event.aggregate_id} has no event {last.get(key, 0) + 1}"
            last[key] = event.sequence
        counts["events"] += len(service.log)
        counts["aggregates folded"] += service.folded
        for aggregate, rows in service.states.items():
            for id, row in rows.items():
                if row.version != last.pop((aggregate, id), 0):
                    yield f"{name}: {aggregate} {id} is at {row.version}, its log is not"
        for aggregate, id in last:
            yield f"{name}: {aggregate} {id} has events and no state"
        for id in service.misfolded:
            yield f"{name}: {id} is not what its events make"


@invariant("I5")
def published_is_recorded(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """What is recorded is published: the public log is the topic, in order per key."""
    for name, service in evidence.services.items():
        records = evidence.topics[service.events]
        log = {(event.aggregate_id, event.sequence): event for event in service.log}
        waiting = {(row.aggregate_id, row.sequence) for row in service.outbox}
        on_topic: set[tuple[UUID, int]] = set()
        reached: dict[UUID, int] = defaultdict(int)
        for record in records:
            place = record.key, record.sequence
            event = log.get(place)
            if event is None or event.id != record.id:
                yield f"{name}: the topic has event {record.id}, which the log has not"
            elif event.data != record.data:
                yield f"{name}: event {record.id} is published otherwise than it is recorded"
            if place not in on_topic and record.sequence != reached[record.key] + 1:
                yield f"{name}: event {record.id} is on the topic out of its order"
            on_topic.add(place)
            reached[record.key] = max(reached[record.key], record.sequence)
        counts["records"] += len(records)
        counts["published again"] += len(records) - len(on_topic)
        for place in log.keys() - on_topic - waiting:
            yield f"{name}: event {log[place].id} is recorded and was never published"
        yield from _snapshots_are_new(name, service, evidence)


def _snapshots_are_new(name: str, service: ServiceEvidence, evidence: Evidence) -> Iterator[str]:
    waiting = {row.aggregate_id for row in service.outbox}
    for aggregate, topic in service.snapshots.items():
        newest: dict[UUID, int] = {}
        for record in evidence.topics[topic]:
            newest[record.key] = record.sequence
        for id, row in service.states[aggregate].items():
            if id not in waiting and newest.get(id) != row.version:
                yield f"{name}: the newest snapshot of {aggregate} {id} is not its state"


@invariant("I6")
def followed_once(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """Every event is followed by every reader once: inboxes are complete and effects are not doubled."""
    for name, service in evidence.services.items():
        waiting = {(job.lane, job.key) for job in service.jobs if job.kind == "foreign_event"}
        for topic in service.reads:
            newest: dict[UUID, int] = {}
            for record in evidence.topics[topic]:
                newest[record.key] = max(record.sequence, newest.get(record.key, 0))
            for key, sequence in newest.items():
                seen = service.inbox.get((topic, key), 0)
                if seen < sequence and (topic, key) not in waiting:
                    yield f"{name}: {topic} {key} is followed to {seen} of {sequence}, and nothing waits"
                if seen > sequence:
                    yield f"{name}: {topic} {key} is followed to {seen}, which was never published"
            counts["keys followed"] += len(newest)
        done = Counter(
            (event.causation_id, event.aggregate_id, event.type, str(event.data))
            for event in service.log
            if event.causation_id is not None
        )
        counts["caused events"] += len(done)
        for (cause, id, type, _), times in done.items():
            if times > 1:
                yield f"{name}: event {cause} has made {type} of {id} {times} times"


@invariant("I7")
def told_once(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """A person is told a thing once."""
    asked = _events(evidence, "notifications", "notifications.delivery.requested")
    told = Counter((event.data["person_id"], event.data["purpose"], event.data["cause_id"]) for event in asked)
    counts["deliveries"] = len(told)
    for (person, purpose, cause), times in told.items():
        if times > 1:
            yield f"person {person} was told {purpose} of event {cause} {times} times"
    begun = {event.data["reference"] for event in _events(evidence, "notifications", "notifications.delivery.sending")}
    sent = {
        (event.data["reference"], event.data["channel"])
        for event in _events(evidence, "notifications", "notifications.delivery.sent")
    }
    if evidence.ledgers.sms is None or evidence.ledgers.mail is None:
        counts["not:the providers' ledgers cannot be read here"] = 1
        return
    yield from _as_the_providers_say(begun, sent, evidence, counts)


def _as_the_providers_say(
    begun: set[str], sent: set[tuple[str, str]], evidence: Evidence, counts: Counter[str]
) -> Iterator[str]:
    messages = Counter(message["reference"] for message in evidence.ledgers.sms or ())
    letters = Counter(_reference_in(mail["message_id"]) for mail in evidence.ledgers.mail or ())
    counts["short messages"], counts["letters"] = messages.total(), len(letters)
    counts["letters repeated by a crash"] = letters.total() - len(letters)
    for reference in (messages | letters).keys() - begun:
        yield f"message {reference} was sent, and nobody wanted it"
    for reference, times in messages.items():
        if times > 1:
            yield f"short message {reference} was sent {times} times"
    for reference, channel in sent:
        if reference not in (messages if channel == "sms" else letters):
            yield f"message {reference} is sent by {channel} in our log, and its provider does not know it"


def _reference_in(message_id: str | None) -> str:
    return (message_id or "").strip("<>").partition("@")[0]


@invariant("I8")
def nobody_is_forgotten(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """Every request has ended, or waits for someone named."""
    requests, payments = evidence.services["requests"], evidence.services["payments"]
    jobs = [job for service in (requests, payments) for job in service.jobs]
    at_work = {job.key for job in jobs if job.name != TIME_TO_ANSWER}  # a time limit is nobody at work
    limits = [job.payload["message"] for job in jobs if job.name == TIME_TO_ANSWER]
    at_work |= {UUID(awaited) for limit in limits for awaited in limit.values()}  # the one word of it had another name
    for id, row in requests.states["request"].items():
        state = row.state
        if state["status"] not in RUNNING:
            counts["ended"] += 1
            continue
        counts["waiting"] += 1
        if id not in at_work and not _is_awaited(state, requests, payments, at_work):
            steps = ", ".join(f"{name} ({step['ref']})" for name, step in state["open"].items()) or "no step"
            yield f"request {id} waits for {state['waits_for']} at {steps}, who does not know of it"


def _is_awaited(
    state: Mapping[str, Any], requests: ServiceEvidence, payments: ServiceEvidence, at_work: set[UUID]
) -> bool:
    """Whether the one whom a request waits for has it before them."""
    return bool(state["open"]) and all(
        _has_it(step, state, requests, payments, at_work) for step in state["open"].values()
    )


def _has_it(
    step: Mapping[str, Any],
    state: Mapping[str, Any],
    requests: ServiceEvidence,
    payments: ServiceEvidence,
    at_work: set[UUID],
) -> bool:
    """Whether an open step is before whom it waits for."""
    if step["ref"] is None:
        tasks = [row.state for row in requests.states["task"].values() if row.state["request_id"] == state["id"]]
        return any(task["status"] == "open" and task["person_id"] is not None for task in tasks)
    ref = UUID(step["ref"])
    if step["owner"] == "applicant":  # the time to pay is a timer of the payment, the time to answer one of the task
        return derive_id("payment", ref) in at_work or ref in at_work
    task, payout = requests.states["task"].get(ref), payments.states["payout"].get(ref)
    if step.get("needs_account"):  # what was written before there was this has it not
        return payout is not None and payout.state["status"] == "needs_account"
    return ref in at_work or (task is not None and task.state["status"] == "open")


@invariant("I9")
def money_is_given_back(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """Who has not got what they asked for gets their money back."""
    payments = evidence.services["payments"]
    returning = {job.key for job in payments.jobs}
    types = ("requests.request.rejected", "requests.request.withdrawn", "requests.request.expired")
    for event in _events(evidence, "requests", *types):
        for fee_id in event.data["fee_ids"]:
            counts["fees given up"] += 1
            payment_id = derive_id("payment", fee_id)
            payment = payments.states["payment"].get(payment_id)
            if payment is None or payment_id in returning:
                continue
            kept = [found for found in payment.state["attempts"].values() if found["status"] == "captured"]
            if kept or payment.state["status"] == "requested":
                yield f"fee {fee_id} of request {event.aggregate_id} is not given up"


@invariant("I10")
def seals_hold(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """The log is as it was sealed."""
    for name, service in evidence.services.items():
        digests = {event.seq: event.digest for event in service.log}
        waiting = {(row.aggregate_id, row.sequence) for row in service.outbox}
        published = {record.seal for record in evidence.topics[service.events] if record.seal}
        covered: Counter[int] = Counter()
        before, number = b"", 0
        for link in service.seals:
            number += 1
            covered.update(link.seqs)
            missing = [seq for seq in link.seqs if seq not in digests]
            of = b"".join(digests.get(seq, b"") for seq in link.seqs)
            if link.seal.number != number or missing or hashlib.sha256(before + of).digest() != link.seal.hash:
                yield f"{name}: seal {link.seal.number} is broken"
            before, number = link.seal.hash, link.seal.number
        counts["seals"] += len(service.seals)
        counts["rows sealed"] += len(covered)
        if service.seals and published and service.seals[-1].seal.hash.hex() not in published:
            yield f"{name}: the newest seal is not the one that was published"
        for event in service.log:
            is_published = (event.aggregate_id, event.sequence) not in waiting
            if covered[event.seq] != (1 if is_published else 0):
                yield f"{name}: event {event.id} is sealed {covered[event.seq]} times"


@invariant("I11")
def projections_are_replays(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """A replay makes the same projections."""
    for name, service in evidence.services.items():
        for found in service.projections:
            counts["tables"] += 1
            counts["rows"] += found.rows
            for key in found.keys:
                yield f"{name}: {found.table} {key} is not what a replay makes of it"


@invariant("I12")
def parked_with_cause(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """What cannot be done is parked with its cause, and only what is behind it waits."""
    for name, service in evidence.services.items():
        first: dict[tuple[str, UUID], tuple[int, int]] = {}
        for job in service.jobs:
            if job.lane is not None:
                place = job.place, job.seq
                first[job.lane, job.key] = min(first.get((job.lane, job.key), place), place)
        for job in service.jobs:
            counts["jobs"] += 1
            counts["parked"] += job.state == "parked"
            if job.state == "parked" and not job.reason:
                yield f"{name}: job {job.id} is parked, and nobody says why"
            is_first = job.lane is None or first[job.lane, job.key] == (job.place, job.seq)
            is_due = job.state == "live" and job.run_at < service.now - RECOVERS_WITHIN
            if is_first and is_due and not job.is_leased and job.target not in service.open_circuits:
                yield f"{name}: job {job.id} ({job.name}) was due a minute ago, and nobody does it"


@invariant("I14")
def recovered(evidence: Evidence, counts: Counter[str]) -> Iterator[str]:
    """What was held up has recovered: nothing is unpublished or unread for a minute."""
    for name, service in evidence.services.items():
        oldest = max((row.waits_seconds for row in service.outbox), default=0.0)
        counts["unpublished"] += len(service.outbox)
        if oldest > RECOVERS_WITHIN.total_seconds():
            yield f"{name}: something is unpublished for more than a minute"
        waiting = {(job.lane, job.key) for job in service.jobs if job.kind == "foreign_event"}
        for topic in service.reads:
            for record in evidence.topics[topic]:
                is_behind = service.inbox.get((topic, record.key), 0) < record.sequence
                if is_behind and (topic, record.key) not in waiting and record.time < service.now - RECOVERS_WITHIN:
                    yield f"{name}: {topic} {record.key} has waited for more than a minute to be read"


def _events(evidence: Evidence, service: str, *types: str) -> list[Logged]:
    return [event for event in evidence.services[service].log if event.type in types]
