-- On what grounds one person acts for another.
select id, kind, holder_id, for_id, scopes, until, in_force from relations where holder_id = $1 and for_id = $2 order by kind
