-- Rows as the table would hold them.
select to_jsonb(r) as row from jsonb_populate_recordset(null::{table}, $1::jsonb) r
