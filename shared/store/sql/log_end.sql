-- The newest place of the log that can be seen.
select coalesce(max(seq), 0) from event_log
