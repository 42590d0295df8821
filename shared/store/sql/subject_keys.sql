-- The wrapped keys of these persons; a null one was destroyed.
select subject_id, wrapped from subject_keys where subject_id = any($1::uuid[])
