-- Whether each of these keys is ours until the transaction ends, or another request with it is still being handled.
select id, pg_try_advisory_xact_lock(hashtextextended(id::text, 0)) as ours from unnest($1::uuid[]) as id
