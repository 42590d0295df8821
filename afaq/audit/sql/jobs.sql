-- What is still to be done, parked or live.
select id, kind, name, lane, key, place, seq, payload, state, reason, error, run_at,
       leased_until is not null and leased_until > clock_timestamp() as is_leased, target
from jobs
