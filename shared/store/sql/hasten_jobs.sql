-- Pending effects of an aggregate are due at once: somebody has told us that there is news.
update jobs set run_at = $3 where kind = 'effect' and name = $1 and key = $2 and state = 'live' and run_at > $3
