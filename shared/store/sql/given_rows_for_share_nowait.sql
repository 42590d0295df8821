-- As given_rows_for_share, but a group of commands does not wait: whoever has to, goes alone.
select {columns}, {by} as given_key from {table} where {by} = any($1) order by {by} for share nowait
