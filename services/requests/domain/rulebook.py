"""The rule book over the catalogue's facts."""

from services.requests.domain.rules import RuleBook
from services.requests.domain.vocabulary import FACTS

RULEBOOK = RuleBook({name: fact.type for name, fact in FACTS.items()})
