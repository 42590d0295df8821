-- Whether this is the database that a worker has last compared with the service's topic.
select exists (select from confirmed where name = database_name())
