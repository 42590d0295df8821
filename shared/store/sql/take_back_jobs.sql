-- What an instance held under leases from $1 to $2 when it died is free again. Its attempts stay counted: one of these
-- jobs may be what kills it.
update jobs set leased_by = null, leased_until = null where leased_by between $1 and $2
