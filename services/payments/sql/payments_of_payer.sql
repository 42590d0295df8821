-- A payer's payments, newest first, a page at a time; $4: only those for one request.
select id from payments
where payer_id = $1 and id < $2 and ($4::uuid is null or for_id = $4)
order by id desc limit $3
