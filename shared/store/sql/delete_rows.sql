-- Rows of a projection that are gone.
delete from {table} where {by} = $1
