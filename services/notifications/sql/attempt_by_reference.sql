-- The attempt that a provider knows by a name.
select delivery_id, number from attempts where reference = $1 and provider = $2
