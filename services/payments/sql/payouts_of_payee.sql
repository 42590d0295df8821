-- What a person is paid, newest first, a page at a time.
select id from payouts where payee_id = $1 and id < $2 order by id desc limit $3
