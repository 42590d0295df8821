-- Everything that a batch adds, in one statement: log, outbox, jobs, inbox and idempotency keys; ended jobs go; and
-- what is written to states and projections, each one statement more with a parameter of its own (see statements.py).
-- Each parameter is a JSON array of rows. Returns how many inbox rows moved, how many jobs ended and how many states
-- were saved: each must be all of them, else another process was faster and the transaction is given up (an invariant
-- of exactly-once); and whether some job waited in the lane of one that has ended.
with logged as (
    insert into event_log (id, type, schema_version, aggregate, aggregate_id, sequence, data, sealed, recorded_at,
                           correlation_id, causation_id, actor, on_behalf_of, traceparent)
    select id, type, schema_version, aggregate, aggregate_id, sequence, data, sealed, recorded_at,
           correlation_id, causation_id, actor, on_behalf_of, traceparent
    from jsonb_to_recordset($1::jsonb) as e (
        position int, id uuid, type text, schema_version int, aggregate text, aggregate_id uuid, sequence bigint,
        data jsonb, sealed jsonb, recorded_at timestamptz, correlation_id uuid, causation_id uuid, actor text,
        on_behalf_of text, traceparent text)
    order by position
), published as (
    insert into outbox (aggregate, aggregate_id, sequence)
    select aggregate, aggregate_id, sequence
    from jsonb_to_recordset($2::jsonb) as o (position int, aggregate text, aggregate_id uuid, sequence bigint)
    order by position
), planned as (
    insert into jobs (id, kind, name, lane, key, place, payload, origin, target, state, reason, error, attempts,
                      first_due_at, run_at, urgent)
    select id, kind, name, lane, key, place, payload, origin, target, state, reason, error, attempts, run_at, run_at,
           urgent
    from jsonb_to_recordset($3::jsonb) as j (
        position int, id uuid, kind text, name text, lane text, key uuid, place bigint, payload jsonb, origin jsonb,
        target text, state text, reason text, error text, attempts int, run_at timestamptz, urgent boolean)
    order by position
    on conflict (id) do nothing
), followed as (
    insert into inbox (topic, key, sequence)
    select topic, key, sequence from jsonb_to_recordset($4::jsonb) as i (topic text, key uuid, sequence bigint)
    order by topic, key
    on conflict (topic, key) do update set sequence = excluded.sequence
    where inbox.sequence = (
        select before from jsonb_to_recordset($4::jsonb) as i (topic text, key uuid, before bigint)
        where i.topic = inbox.topic and i.key = inbox.key)
    returning 1
), answered as (
    insert into idempotency_keys (id, body_hash, status, answer, created_at)
    select id, decode(body_hash, 'hex'), status, answer, created_at
    from jsonb_to_recordset($5::jsonb) as k (
        id uuid, body_hash text, status int, answer text, created_at timestamptz)
), ended as (
    delete from jobs using jsonb_to_recordset($6::jsonb) as d (id uuid, lease uuid)
    where jobs.id = d.id and jobs.leased_by = d.lease
    returning jobs.id, jobs.lane, jobs.key
){writes}
select (select count(*) from followed) as followed, (select count(*) from ended) as ended, {saved} as saved,
       exists (select 1 from ended e join jobs j on j.lane = e.lane and j.key = e.key and j.id <> e.id) as followers
