-- Claimed jobs that were not touched because the database was away: given back at once, the attempt not counted.
update jobs set leased_by = null, leased_until = null, attempts = attempts - 1 where leased_by = $1
