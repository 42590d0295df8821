-- The requests that a person has sent, or that are for them, newest first, a page at a time: each side by its index.
(select id from requests where applicant_id = $1 and id < $2 order by id desc limit $3)
union all
(select id from requests where nullif(beneficiary_id, applicant_id) = $1 and id < $2 order by id desc limit $3)
order by id desc limit $3
