-- How many jobs of a key are due by $2 and not parked, and how many of those nobody holds.
select count(*) as due, count(*) filter (where leased_until is null or leased_until < now()) as free
from jobs where key = $1 and state = 'live' and run_at <= $2
