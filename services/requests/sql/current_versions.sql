-- The newest version of every service, or of one.
select distinct on (service_id) definition::text from service_versions
where $1::text is null or service_id = $1
order by service_id, version desc
