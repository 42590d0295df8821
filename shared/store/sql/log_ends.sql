-- The number of the newest event of each of these aggregates that the log has any of.
select k.id as aggregate_id, (
    select l.sequence from event_log l where l.aggregate_id = k.id order by l.sequence desc limit 1) as sequence
from unnest($1::uuid[]) as k (id)
where exists (select from event_log l where l.aggregate_id = k.id)
