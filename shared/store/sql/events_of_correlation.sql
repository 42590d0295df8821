-- All that belongs to one transaction, or to some, in the order of its recording here.
select seq, id, type, schema_version, aggregate, aggregate_id, sequence, data, sealed, recorded_at, correlation_id,
       causation_id, actor, on_behalf_of, traceparent
from event_log
where correlation_id = any($1::uuid[])
order by seq
