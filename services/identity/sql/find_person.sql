-- A person by the keyed hash of the civil ID.
select id from persons where civil_id_hash = $1
