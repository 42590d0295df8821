-- The services that have a version, in effect or not.
select distinct service_id from service_versions
