-- A walk over rows has done a page: where it stands, and when the next page is due.
update jobs set payload = $3, run_at = $4, attempts = 0, leased_by = null, leased_until = null
where id = $1 and leased_by = $2
