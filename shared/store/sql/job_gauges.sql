-- Jobs by kind and state, for the metrics.
select kind, state, count(*) as jobs from jobs group by kind, state
