-- What a table has that `like … including all excluding indexes` does not copy: its storage options, its grants
-- (grantee and privilege), its indexes and keys by name, and whether it has triggers of ours.
select c.reloptions as options,
       exists (select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal) as has_triggers,
       array(select jsonb_build_array(case a.grantee when 0 then 'public' else quote_ident(g.rolname) end, a.privilege_type)
             from aclexplode(c.relacl) a left join pg_roles g on g.oid = a.grantee
             where a.grantee <> c.relowner) as grants,
       array(select jsonb_build_array(k.conname, pg_get_constraintdef(k.oid))
             from pg_constraint k where k.conrelid = c.oid and k.contype in ('p', 'u', 'x', 'f') order by k.conname) as keys,
       array(select jsonb_build_array(i.relname, pg_get_indexdef(i.oid), x.indisunique)
             from pg_index x join pg_class i on i.oid = x.indexrelid
             where x.indrelid = c.oid and not exists (select from pg_constraint k where k.conindid = i.oid)
             order by i.relname) as indexes
from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
where c.relname = $1 and c.relkind = 'r'
