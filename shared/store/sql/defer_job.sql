-- A claimed job that could not be done now: tried again at $4, or parked. Only its holder may say so. $7: there was no
-- fault, so that the attempt does not count.
update jobs set state = $3, run_at = $4, reason = $5, error = $6, leased_by = null, leased_until = null,
                attempts = case when $7 then 0 else attempts end
where id = $1 and leased_by = $2
