-- Messages that a provider has still to take, by the effect that sends them: how many, $3 at most, and for how long the
-- oldest of those has been due. Jobs of one effect lie together in the index of lanes.
select e.effect, counted.messages, counted.oldest_seconds
from unnest($2::text[]) as e (effect)
cross join lateral (
    select count(*) as messages, coalesce(extract(epoch from $1 - min(first_due_at)), 0)::float8 as oldest_seconds
    from (select first_due_at from jobs
          where lane = e.effect and first_due_at <= $1 limit $3) as due
) as counted
