"""The four kinds of function that a service is made of; the shell in `shared.store` runs them.

| kind       | shape                                                  | run                                   |
|------------|--------------------------------------------------------|---------------------------------------|
| Decider    | decide(state, message, given) -> events, evolve        | for every message to an aggregate     |
| Reaction   | react(event, given) -> send, perform, for_each, erase  | for every event, foreign and own      |
| Projection | project(event) -> rows                                 | in the event's transaction, in rebuilds |
| Effect     | async perform(effect) -> message                       | after the commit, never in a replay   |
"""

from shared.functions.decider import Decider, Send, fold
from shared.functions.effects import Effect, EffectHandler, Effects, Job
from shared.functions.given import Given, Givens
from shared.functions.projections import Delete, Projections, Row
from shared.functions.reactions import Erase, ForEach, Perform, Reactions, Step, erase, for_each, perform
from shared.functions.service import Service, Snapshot

__all__ = [
    "Decider",
    "Delete",
    "Effect",
    "EffectHandler",
    "Effects",
    "Erase",
    "ForEach",
    "Given",
    "Givens",
    "Job",
    "Perform",
    "Projections",
    "Reactions",
    "Row",
    "Send",
    "Service",
    "Snapshot",
    "Step",
    "erase",
    "fold",
    "for_each",
    "perform",
]
