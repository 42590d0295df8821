-- How many requests wait for each of these owners, $2 at most, by the index of running requests.
select o.owner, (select count(*) from (
    select from requests r where r.state ->> 'waits_for' = o.owner limit $2) as counted) as waiting
from unnest($1::text[]) as o (owner)
