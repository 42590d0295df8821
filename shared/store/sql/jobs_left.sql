-- How many jobs of a key are due by $2 and not parked, whoever holds them.
select count(*) from jobs where key = $1 and state = 'live' and run_at <= $2
