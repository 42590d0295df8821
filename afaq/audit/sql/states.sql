-- Every aggregate of one kind, as far as it is in the open.
select id, version, state from {table}
