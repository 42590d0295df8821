-- Is the database there, and is it this service's?
select count(*) from migrations
