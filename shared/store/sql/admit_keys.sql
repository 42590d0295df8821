-- Whether each of these keys is ours until the transaction ends, or another request with it is still being handled; and
-- the answer that was given already. One that was committed while we asked is not seen here: then ours cannot be kept, and
-- the command is done again and sees it; or the command is refused by what the first has done, and we ask once more.
select k.id, pg_try_advisory_xact_lock(hashtextextended(k.id::text, 0)) as ours, a.body_hash, a.status, a.answer
from unnest($1::uuid[]) as k (id) left join idempotency_keys a on a.id = k.id
