-- The agencies that have written a version of a service, published or not.
select distinct state -> 'definition' ->> 'agency' as agency from publications
where state -> 'definition' ->> 'id' = $1
