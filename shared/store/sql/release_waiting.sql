-- Foreign events that waited for the one before them, which has now come.
update jobs set state = 'live', run_at = $3, reason = null
from inbox i
where jobs.kind = 'foreign_event' and jobs.lane = $1 and jobs.key = $2 and jobs.reason in ('gap', 'behind')
  and i.topic = jobs.lane and i.key = jobs.key and (jobs.payload ->> 'sequence')::bigint = i.sequence + 1
