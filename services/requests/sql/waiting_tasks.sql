-- Officers' open tasks by agency: how many, $2 at most, and for how long the first of the queue has been open. Agencies
-- are found by jumping along the index of open tasks, so nothing is read but what is counted.
with recursive agencies as (
    (select agency from tasks where status = 'open' and agency is not null order by agency limit 1)
    union all
    select (select t.agency from tasks t where t.status = 'open' and t.agency > a.agency order by t.agency limit 1)
    from agencies a where a.agency is not null
)
select a.agency,
       (select count(*) from (
            select from tasks t where t.agency = a.agency and t.status = 'open' limit $2) as counted) as open,
       (select extract(epoch from $1 - t.updated_at)::float8 from tasks t
        where t.agency = a.agency and t.status = 'open' order by t.request_id, t.id limit 1) as oldest_seconds
from agencies a where a.agency is not null
