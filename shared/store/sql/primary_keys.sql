-- The primary key's columns of every table of this schema, in their order.
select c.relname as table, array_agg(a.attname::text order by k.position) as columns
from pg_index i
join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, position)
join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
where i.indisprimary
group by c.relname
