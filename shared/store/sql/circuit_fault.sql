-- A target has failed; after $2 faults in a row its circuit is open for $3 seconds.
insert into circuits (target, failures) values ($1, 1)
on conflict (target) do update
set failures = circuits.failures + 1,
    open_until = case when circuits.failures + 1 >= $2 then now() + make_interval(secs => $3) end
