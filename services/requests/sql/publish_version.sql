-- A version of the catalogue; one that is there already stays as it is.
insert into service_versions (key, service_id, version, definition) values ($1, $2, $3, $4) on conflict (key) do nothing
