-- Claimed jobs that were not done because the database was away: given back at once, the attempt not counted.
update jobs set leased_by = null, leased_until = null, attempts = attempts - 1
where id = any($1::uuid[]) and leased_by = $2
