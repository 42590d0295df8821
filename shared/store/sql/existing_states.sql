-- Which of the aggregates exist, whoever holds them.
select id from {table} where id = any($1::uuid[])
