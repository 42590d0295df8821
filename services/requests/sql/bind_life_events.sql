-- What is bound to a kind of life event by now.
insert into life_event_bindings (kind, bindings) values ($1, $2)
on conflict (kind) do update set bindings = excluded.bindings
