"""Who uses the platform: applicants, officers, parents, registries. They hear what is published, and act."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from afaq.audit.evidence import Published
from services.identity.domain.life_event import MOTHER, TellLifeEvent, life_event
from services.identity.domain.person import Change, ErasePerson, NameChild, Register, person
from services.payments.domain.basket import GatherBasket, basket
from services.payments.domain.payment import JoinBasket, StartAttempt, payment
from services.payments.domain.payout_account import NameAccount, payout_account
from services.payments.effects import InquireAttempt, InquireBasket
from services.requests.domain.offer import Accept, Decline, offer
from services.requests.domain.request import request
from services.requests.domain.request_messages import Answer, Object, Submit, Withdraw
from services.requests.domain.task import Claim, Decide, task
from shared.contracts.identity import Fact, LifeEventKind, Particulars, RelationKind, Residence, Sex, relation_id
from shared.contracts.requests import TaskDecision
from shared.functions import Send
from shared.kernel.ids import derive_id
from shared.kernel.text import Language, LocalizedText
from tests.simulation.clockwork import SimulatedClock
from tests.simulation.errands import FINES, RENEWAL, Errand, chosen
from tests.simulation.outside import UNKNOWN_IBAN
from tests.simulation.world import World, definitions

IBAN = "KW81CBKU0000000000001234560101"
REASON = LocalizedText(ar="لا يستوفي الشروط", en="The conditions are not met")


@dataclass(frozen=True)
class Habits:
    """How often people do what, of each occasion."""

    never_pays: float = 0.04
    leaves_the_page: float = 0.1
    pays_twice: float = 0.05
    pays_together: float = 0.1
    withdraws: float = 0.05
    is_rejected: float = 0.1
    gives_in: float = 0.3
    is_returned: float = 0.1
    never_answers: float = 0.2
    never_agrees: float = 0.1
    refuses: float = 0.1
    clears_no_hold: float = 0.2
    names_no_account: float = 0.1
    names_a_wrong_account: float = 0.2
    hint_is_lost: float = 0.3
    dies: float = 0.02
    is_erased: float = 0.01
    is_born: float = 0.15
    declines: float = 0.2
    tells_twice: float = 0.3


@dataclass
class People:
    """Everybody. `transactions` counts what was begun and `refused` what was answered with a reason."""

    world: World
    habits: Habits = field(default_factory=Habits)
    transactions: int = 0
    refused: int = 0
    _gathering: dict[UUID, dict[UUID, int]] = field(default_factory=dict)
    _forms: dict[UUID, Any] = field(default_factory=dict)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _clock: SimulatedClock = field(default_factory=SimulatedClock)

    def __post_init__(self) -> None:
        self.world.listeners.append(self._hear)

    async def come(self, how_many: int, per_second: float) -> None:
        """So many transactions begin, at random instants; ends when all of these people have had their answers."""
        for number in range(how_many):
            await asyncio.sleep(self.world.chance.expovariate(per_second))
            is_birth = self._now_and_then(self.habits.is_born)
            self._do(self._have_a_child(number) if is_birth else self._apply(number, chosen(self._chance)))
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _do(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.world.unexpected.append(f"somebody had no answer: {type(error).__name__}: {error}")

    @property
    def _chance(self) -> Random:
        return self.world.chance

    def _now_and_then(self, share: float) -> bool:
        return self._chance.random() < share

    async def _a_while(self, seconds: float = 2.0) -> None:
        await asyncio.sleep(self.world.chance.expovariate(1 / seconds))

    async def _ask(self, service: str, *sends: Send, caller: UUID) -> bool:
        refusal = await self.world.command(service, *sends, caller=caller)
        self.refused += refusal is not None
        return refusal is None

    async def _register(self, number: int, role: str = "person", errand: Errand = RENEWAL) -> UUID:
        id = derive_id("simulated", role, number)
        now = self._clock.now()
        facts = errand.facts_of_somebody(self._chance, now.date())
        command = Register(
            civil_id=f"{role} {number}",
            civil_id_hash=f"hash of {role} {number}",
            name=LocalizedText(ar="اسم تجريبي", en="A Name"),
            birth_date=date(1990, 1, 1),
            residence=errand.residence,
            mobile=None,
            email="someone@example.test" if self._now_and_then(0.5) else None,
            language=Language.ARABIC,
            facts={name: Fact(value=value, source="moi-traffic", as_of=now) for name, value in facts.items()},
        )
        await self._ask("identity", person.send(id, command), caller=id)
        return id

    async def _apply(self, number: int, errand: Errand) -> None:
        """Somebody comes for something, and has it, mostly."""
        self.transactions += 1
        applicant = await self._register(number, errand=errand)
        submit = await self._submit(applicant, errand)
        if errand is RENEWAL and self._now_and_then(self.habits.pays_together):
            self._gathering[applicant] = {}
            await self._submit(applicant, errand)
        if self._now_and_then(self.habits.withdraws):
            await self._a_while(5)
            await self._ask("requests", request.send(submit.request_id, Withdraw()), caller=applicant)
        if self._now_and_then(self.habits.dies):
            await self._a_while(5)
            await self._tell_of_a_death(applicant)
        if self._now_and_then(self.habits.is_erased):
            await self._a_while(5)
            await self._ask("identity", person.send(applicant, ErasePerson()), caller=applicant)

    async def _submit(self, applicant: UUID, errand: Errand) -> Submit:
        now = self._clock.now()
        submit = Submit(self.world.new_id(), errand.service, errand.version, applicant, errand.form, now)
        self._forms[submit.request_id] = errand.form
        for _ in range(20):  # until requests knows them
            if await self._ask("requests", request.send(submit.request_id, submit), caller=applicant):
                self.world.acknowledged.add(submit.request_id)
                break
            await self._a_while()
        return submit

    async def _have_a_child(self, number: int) -> None:
        """A hospital tells of a birth, before or after the mother is registered."""
        self.transactions += 1
        is_known_first = self._now_and_then(0.7)
        if is_known_first:
            await self._register(number, "mother")
        now = self._clock.now()
        told = TellLifeEvent(
            kind=LifeEventKind.BIRTH,
            person_id=derive_id("simulated", "child", number),
            source="moh-hospitals",
            noticed_at=now,
            particulars=Particulars(
                occurred_at=now - timedelta(hours=3),
                sex=Sex.FEMALE,
                residence=Residence.CITIZEN,
                parents={MOTHER: f"hash of mother {number}"},
            ),
        )
        for _ in range(2 if self._now_and_then(self.habits.tells_twice) else 1):
            notice = life_event.send(derive_id("simulated", "birth", number), told)
            await self._ask("identity", notice, caller=derive_id("hospital"))
        if not is_known_first:
            await self._a_while(20)
            await self._register(number, "mother")

    async def _tell_of_a_death(self, person_id: UUID) -> None:
        now = self._clock.now()
        told = TellLifeEvent(LifeEventKind.DEATH, person_id, "moh-registry", now, Particulars(occurred_at=now))
        await self._ask("identity", life_event.send(derive_id("death", person_id), told), caller=derive_id("registry"))

    # --- what they do when they hear of something

    def _hear(self, event: Published) -> None:
        doing = {
            "payments.payment.requested": self._pay,
            "payments.payment.page_opened": self._be_at_the_page,
            "payments.basket.page_opened": self._be_at_the_page,
            "payments.payment.failed": self._try_again,
            "payments.payout.requested": self._name_an_account,
            "payments.payout.returned": self._name_an_account,
            "requests.task.opened": self._decide,
            "requests.request.returned": self._answer,
            "requests.request.rejected": self._object,
            "requests.request.held": self._clear_the_hold,
            "requests.offer.made": self._answer_the_offer,
        }.get(event.type)
        if doing is not None:
            self._do(doing(event))

    async def _pay(self, event: Published) -> None:
        if self._now_and_then(self.habits.never_pays):
            return
        await self._a_while()
        payer = UUID(event.data["payer_id"])
        if payer in self._gathering:
            await self._gather(payer, event)
            return
        for _ in range(2 if self._now_and_then(self.habits.pays_twice) else 1):
            await self._ask("payments", payment.send(event.key, StartAttempt(self.world.new_id())), caller=payer)

    async def _gather(self, payer: UUID, event: Published) -> None:
        """Who has two fees to pay pays them together, or alone where one cannot be paid any more."""
        fees = self._gathering[payer]
        fees[event.key] = event.data["amount_fils"]
        if len(fees) < 2:
            return
        basket_id = self.world.new_id()
        joins = [payment.send(id, JoinBasket(basket_id, amount_fils)) for id, amount_fils in fees.items()]
        if not await self._ask("payments", basket.send(basket_id, GatherBasket(payer, fees)), *joins, caller=payer):
            for id in fees:
                await self._ask("payments", payment.send(id, StartAttempt(self.world.new_id())), caller=payer)

    async def _try_again(self, event: Published) -> None:
        await self._a_while()
        if self._now_and_then(0.8):
            caller = derive_id("payer", event.key)
            await self._ask("payments", payment.send(event.key, StartAttempt(self.world.new_id())), caller=caller)

    async def _be_at_the_page(self, event: Published) -> None:
        await self._a_while(5)
        attempt_id = UUID(event.data["attempt_id"]) if "attempt_id" in event.data else event.key
        if self._now_and_then(self.habits.leaves_the_page):
            self.world.terminal.leave(attempt_id)
        elif not self.world.terminal.pay(attempt_id):
            return
        if not self._now_and_then(self.habits.hint_is_lost):
            for _ in range(self.world.chance.randint(1, 2)):
                for inquiry in (InquireAttempt, InquireBasket):
                    await self.world.hasten("payments", inquiry, event.key)

    async def _decide(self, event: Published) -> None:
        if event.data["party"] is not None:
            await self._agree(event)
            return
        if event.data["agency"] is None:
            await self._name_the_child(event)
            return
        await self._a_while(10)
        barred = [event.data["barred_id"]] if event.data["barred_id"] else []
        officer = derive_id("officer", event.data["agency"], *barred)
        decision = TaskDecision.APPROVE
        if self._now_and_then(self.habits.is_returned):
            decision = TaskDecision.RETURN
        elif self._now_and_then(self.habits.is_rejected):
            decision = TaskDecision.REJECT
        command = Decide(decision, officer, None if decision is TaskDecision.APPROVE else REASON)
        await self._ask("requests", task.send(event.key, command), caller=officer)

    async def _object(self, event: Published) -> None:
        """Who may object to a refusal does so, mostly; another officer decides."""
        if event.data["object_until"] is None or self._now_and_then(self.habits.gives_in):
            return
        await self._a_while()
        objection = Object("It is not so.", self._clock.now())
        await self._ask("requests", request.send(event.key, objection), caller=UUID(event.data["applicant_id"]))

    async def _answer(self, event: Published) -> None:
        """Who is asked for more sends the form again."""
        if self._now_and_then(self.habits.never_answers):
            return
        await self._a_while(60)
        answer = Answer(self._forms.get(event.key, {}), self._clock.now())
        await self._ask("requests", request.send(event.key, answer), caller=UUID(event.data["applicant_id"]))

    async def _agree(self, event: Published) -> None:
        """Another party comes with the code that the applicant has handed on, and agrees, mostly."""
        if self._now_and_then(self.habits.never_agrees):
            return
        await self._a_while(60)
        party = derive_id("simulated", event.data["party"], event.key)
        await self._ask("requests", task.send(event.key, Claim(party, has_code=True)), caller=party)
        refuses = self._now_and_then(self.habits.refuses)
        decision = Decide(TaskDecision.REJECT, party, REASON) if refuses else Decide(TaskDecision.APPROVE, party, None)
        await self._ask("requests", task.send(event.key, decision), caller=party)

    async def _clear_the_hold(self, event: Published) -> None:
        """Who has fines to pay pays them, where the police's register learns of it."""
        if self._now_and_then(self.habits.clears_no_hold):
            return
        await self._a_while(60)
        paid = Change(facts={FINES: Fact(value=0, source="moi-traffic", as_of=self._clock.now())})
        registrar = derive_id("registrar")
        await self._ask("identity", person.send(UUID(event.data["about_id"]), paid), caller=registrar)

    async def _name_an_account(self, event: Published) -> None:
        """Who is owed something says where it is to be paid to; now and then there is no such account."""
        if event.data.get("has_account") or self._now_and_then(self.habits.names_no_account):
            return
        await self._a_while(60)
        payee = UUID(event.data["payee_id"])
        iban = UNKNOWN_IBAN if self._now_and_then(self.habits.names_a_wrong_account) else IBAN
        await self._ask("payments", payout_account.send(payee, NameAccount(payee, iban)), caller=payee)

    async def _name_the_child(self, event: Published) -> None:
        await self._a_while(20)
        name = NameChild(LocalizedText(ar="نور", en="Noor"))
        mother = UUID(event.data["person_id"])
        await self._ask("identity", person.send(UUID(event.data["about_id"]), name), caller=mother)

    async def _answer_the_offer(self, event: Published) -> None:
        recipient, told = UUID(event.data["recipient_id"]), event.data
        if told["mode"] != "offer":
            return
        await self._a_while(30)
        if self._now_and_then(self.habits.declines):
            await self._ask("requests", offer.send(event.key, Decline()), caller=recipient)
            return
        now = self._clock.now()
        standing = await self.world.look("requests", offer, event.key)
        if standing is None or standing.occasion is None:
            return
        beneficiary = UUID(told["beneficiary_id"])
        definition = next(found for found in definitions() if found.id == told["service_id"])
        binding = definition.binding(standing.binding_id)
        assert binding is not None
        submit = Submit(
            self.world.new_id(),
            told["service_id"],
            told["service_version"],
            recipient,
            binding.form,
            now,
            beneficiary_id=beneficiary,
            relation_id=relation_id(RelationKind.GUARDIAN, recipient, beneficiary),
            parties=standing.occasion.parties,
            offer_id=event.key,
        )
        sends = request.send(submit.request_id, submit), offer.send(event.key, Accept(submit.request_id, now))
        if await self._ask("requests", *sends, caller=recipient):
            self.world.acknowledged.add(submit.request_id)
