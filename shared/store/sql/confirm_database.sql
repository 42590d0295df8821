-- The log knows what the topic holds: this database may be worked on.
insert into confirmed (name) values (database_name())
on conflict (one) do update set name = excluded.name, confirmed_at = excluded.confirmed_at
where confirmed.name <> excluded.name
