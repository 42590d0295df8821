-- A page of the log from its newest end, and whether each was published. $1 before which place, $2 how many.
select l.seq, l.aggregate_id, l.recorded_at,
       exists (select from outbox o where o.aggregate_id = l.aggregate_id and o.sequence = l.sequence) as waits
from event_log l where l.seq < $1 order by l.seq desc limit $2
