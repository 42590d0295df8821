-- Takes due jobs of some kinds under a lease. $1 kinds, $2 the domain's now, $3 how many, $4 lease, $5 its seconds for
-- an effect and $6 for all else; {which} says of which jobs: urgent ones, others, those of one key ($7), or all. Of a lane
-- and key only the first job can be taken, whatever its state: so SKIP LOCKED never takes a job and skips the one before
-- it. Attempts are counted here, so that a job that kills its process is counted too. Jobs of an open circuit stay; when
-- its time is over one job goes as a probe; `is_troubled`: its target has failed of late. The commit does not wait for the disk: a claim that is forgotten in a crash of
-- the server is only made again.
with unhurried as materialized (
    select set_config('synchronous_commit', 'off', true)
), due as (
    select j.id
    from jobs j
    left join circuits c on c.target = j.target and c.open_until is not null
    where j.state = 'live' and j.kind = any($1::text[]) and j.run_at <= $2
      and (j.leased_until is null or j.leased_until < now())
      and {which}
      and (j.lane is null or not exists (
            select 1 from jobs o
            where o.lane = j.lane and o.key = j.key and (o.place, o.seq) < (j.place, j.seq)))
      and (c.target is null or (c.open_until <= now() and j.id = (
            select p.id from jobs p
            where p.state = 'live' and p.target = c.target and p.run_at <= $2
              and (p.leased_until is null or p.leased_until < now())
              and not exists (
                select 1 from jobs o
                where o.lane = p.lane and o.key = p.key and (o.place, o.seq) < (p.place, p.seq))
            order by p.run_at, p.seq limit 1)))
    order by j.run_at, j.seq
    limit $3
    for update of j skip locked
), probed as (
    update circuits set open_until = now() + make_interval(secs => $5)
    where open_until <= now() and target in (select j.target from jobs j join due using (id))
)
update jobs set attempts = attempts + 1, leased_by = $4,
                leased_until = now() + make_interval(secs => case when kind = 'effect' then $5 else $6 end)
from due, unhurried where jobs.id = due.id
returning jobs.id, jobs.seq, jobs.kind, jobs.name, jobs.lane, jobs.key, jobs.payload, jobs.origin, jobs.target,
          jobs.attempts, jobs.first_due_at, jobs.leased_by, jobs.urgent,
          exists (select from circuits c where c.target = jobs.target) as is_troubled
