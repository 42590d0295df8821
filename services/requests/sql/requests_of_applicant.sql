-- An applicant's requests, newest first, a page at a time.
select id from requests where applicant_id = $1 and id < $2 order by id desc limit $3
