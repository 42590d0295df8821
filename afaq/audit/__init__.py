"""The auditor: reads databases, topics and the ledgers of those outside, and checks what must always hold."""

from afaq.audit.audit import Audited, audit
from afaq.audit.invariants import Finding

__all__ = ["Audited", "Finding", "audit"]
