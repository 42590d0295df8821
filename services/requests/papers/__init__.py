"""Issued documents as people hold them: a bilingual PDF/A, signed, sealed and kept (ADR 14)."""
