-- The offers that a person can answer, a page at a time.
select id from offers
where recipient_id = $1 and status in ('open', 'snoozed') and id < $2
order by id desc limit $3
