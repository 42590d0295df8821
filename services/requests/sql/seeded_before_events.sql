-- Versions that were put into the catalogue before there was an event for that.
select definition::text from service_versions as v
where not exists (
    select from publications as p
    where p.state -> 'definition' ->> 'id' = v.service_id and (p.state -> 'definition' ->> 'version')::int = v.version
)
