-- Rows of a projection, found by the table's primary key; mostly a part of `record`. {table}, {columns}, {key} and {changes} are identifiers.
insert into {table} ({columns})
select {columns} from jsonb_populate_recordset(null::{table}, $1::jsonb)
on conflict ({key}) do {changes}
