-- The next rows of a walk.
select id from {table} where {by} = $1 and id > $2 order by id limit $3
