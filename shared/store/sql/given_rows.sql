-- What a reaction is given.
select {columns}, {by} as given_key from {table} where {by} = any($1)
