-- Targets of effects, and whether each is left alone at this moment because it fails. A row for each target ever failed.
select target, coalesce(open_until > $1, false) as is_open from circuits
