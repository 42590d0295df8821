-- A pending effect is due at once: somebody has told us that there is news.
update jobs set run_at = $3 where lane = $1 and key = $2 and state = 'live' and run_at > $3
