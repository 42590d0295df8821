-- How many jobs of a key are due and not parked, whoever holds them; timers of the future do not count.
select count(*) from jobs where key = $1 and state = 'live' and run_at <= $2
