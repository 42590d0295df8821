-- How far the other services have been followed.
select topic, key, sequence from inbox
