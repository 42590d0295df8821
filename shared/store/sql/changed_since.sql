-- Which of these aggregates have moved on.
select id, version from {table} where id = any($1::uuid[])
