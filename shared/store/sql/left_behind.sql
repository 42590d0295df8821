-- Which of these events were left behind when the log was recovered.
select id from recovered_events where id = any($1::uuid[]) and not is_in_log
