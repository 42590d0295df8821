-- The open tasks of some agencies after the one with id $2, a page at a time, by their requests, the oldest first: the
-- first of each agency by the index, then the first of all.
select t.id, t.request_id, t.agency, t.service_id, t.title, t.about_id, t.needs, t.status, t.opened_at
from unnest($1::text[]) as a (agency)
cross join lateral (
    select id, request_id, agency, state ->> 'service_id' as service_id, state -> 'title' as title, status,
           (state ->> 'about_id')::uuid as about_id, state -> 'needs' as needs, updated_at as opened_at
    from tasks
    where tasks.agency = a.agency and status = 'open'
      and (request_id, id) > (coalesce((select request_id from tasks where id = $2), $2), $2)
    order by request_id, id limit $3
) as t
order by t.request_id, t.id limit $3
