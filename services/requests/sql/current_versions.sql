-- The version of every service, or of one, that people get on a day.
select distinct on (service_id) definition::text from service_versions
where ($1::text is null or service_id = $1) and effective_from <= $2
order by service_id, version desc
