-- The next of the outbox with what is to be published of it, in the order of its numbers; only the leader reads it, in
-- the session that holds the leader's lock (ADR 5).
select o.seq, o.aggregate, o.aggregate_id, o.sequence, l.id, l.type, l.schema_version, l.data::text as data,
       l.recorded_at, l.correlation_id, l.causation_id, l.actor, l.on_behalf_of, l.traceparent,
       l.seq as log_seq, digest_of(l) as digest
from outbox o
left join event_log l on l.aggregate_id = o.aggregate_id and l.sequence = o.sequence
order by o.seq limit $1
