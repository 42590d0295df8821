-- A person's messages, newest first, a page at a time: those sent before ($2, $3).
select delivery_id, purpose, about_id, title, body, sent_at
from messages
where person_id = $1 and (sent_at, delivery_id) < ($2, $3)
order by sent_at desc, delivery_id desc limit $4
