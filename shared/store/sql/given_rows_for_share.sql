-- What a decider relies on: locked, so that a change of it and the decision see each other.
select {columns}, {by} as given_key from {table} where {by} = any($1) order by {by} for share
