-- What a person is asked for, after the task with id $2, a page at a time, by its requests, the oldest first.
select id, request_id, state ->> 'agency' as agency, state ->> 'service_id' as service_id, state -> 'title' as title,
       (state ->> 'about_id')::uuid as about_id, state -> 'needs' as needs, state ->> 'party' as party,
       status, updated_at as opened_at
from tasks
where person_id = $1 and status = 'open'
  and (request_id, id) > (coalesce((select request_id from tasks where id = $2), $2), $2)
order by request_id, id limit $3
