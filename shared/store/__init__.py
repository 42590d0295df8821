"""The store of a service on PostgreSQL, and the shell that runs deciders, reactions, projections and effects on it."""
