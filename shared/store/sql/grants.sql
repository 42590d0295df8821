-- What the app role may do. Run by the owner after each migration; {role} is an identifier, quoted by the runner.
grant usage on schema public to {role};
grant select, insert, update, delete on all tables in schema public to {role};
grant usage on all sequences in schema public to {role};
revoke update, delete, truncate on event_log, seals from {role};
revoke insert, update, delete, truncate on migrations from {role};
