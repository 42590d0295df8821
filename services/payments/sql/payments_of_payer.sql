-- A payer's payments after the one with id $2, a page at a time, by their requests, the newest first; $4: only those
-- for one request.
select id from payments
where payer_id = $1 and ($4::uuid is null or for_id = $4)
  and (for_id, id) < (coalesce((select for_id from payments where id = $2), 'ffffffff-ffff-ffff-ffff-ffffffffffff'), $2)
order by for_id desc, id desc limit $3
