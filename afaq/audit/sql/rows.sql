-- The rows of a projection.
select to_jsonb(r) as row from {table} r
