-- The newest version of every service.
select distinct on (service_id) definition from service_versions order by service_id, version desc
