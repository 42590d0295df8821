-- Whether this log was recovered within a time in which what it caused may come again.
select exists (select from recovered_events where recovered_at > clock_timestamp() - interval '30 days')
