-- A person's messages, newest first, a page at a time: those sent before ($2, $3); and how each was sent besides.
select m.delivery_id, m.purpose, m.about_id, m.title, m.body, m.sent_at,
       coalesce((
           select jsonb_agg(jsonb_build_object('number', a.number, 'channel', a.channel, 'status', a.status))
           from attempts a where a.delivery_id = m.delivery_id), '[]'::jsonb) as sent_by
from messages m
where m.person_id = $1 and (m.sent_at, m.delivery_id) < ($2, $3)
order by m.sent_at desc, m.delivery_id desc
limit $4
