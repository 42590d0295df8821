-- The offers of a service that a person can answer now, for somebody.
select id from offers
where recipient_id = $2 and status in ('open', 'snoozed') and state ->> 'service_id' = $1 and beneficiary_id = $3
