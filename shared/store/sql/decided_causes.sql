-- Which of these events had caused something that was taken back from the topic: they were decided then.
select distinct causation_id from recovered_events where causation_id = any($1::uuid[]) and is_in_log
