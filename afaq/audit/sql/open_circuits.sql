-- Targets that are not tried at this moment.
select target from circuits where open_until is not null
