-- How many events of the log are chosen, by type. $1 from, $2 before, $3 what the type begins with, $4 ids; null: all.
select type, count(*) as events from event_log
where ($1::timestamptz is null or recorded_at >= $1) and ($2::timestamptz is null or recorded_at < $2)
  and ($3::text is null or starts_with(type, $3)) and ($4::uuid[] is null or id = any($4))
group by type order by type
