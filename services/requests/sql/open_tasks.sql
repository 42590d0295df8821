-- The open tasks of some agencies, a page at a time.
select t.id, t.request_id, t.agency, t.state ->> 'service_id' as service_id, t.state -> 'title' as title, t.status,
       t.updated_at as opened_at
from tasks t where t.agency = any($1::text[]) and t.status = 'open' and t.id > $2 order by t.id limit $3
