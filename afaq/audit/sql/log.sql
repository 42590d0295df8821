-- The whole log, in the order of its recording, each row with the digest that seals are made of.
select l.seq, l.id, l.type, l.schema_version, l.aggregate, l.aggregate_id, l.sequence, l.data, l.sealed, l.recorded_at,
       l.correlation_id, l.causation_id, l.actor, l.on_behalf_of, l.traceparent, digest_of(l) as digest
from event_log l order by l.seq
