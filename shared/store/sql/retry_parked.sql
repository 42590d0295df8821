-- Parked jobs are due again, from the first attempt on: one, those of a reason, or all.
update jobs set state = 'live', run_at = $3, first_due_at = $3, attempts = 0, reason = null, error = null
where state = 'parked' and ($1::uuid is null or id = $1) and ($2::text is null or reason = $2)
