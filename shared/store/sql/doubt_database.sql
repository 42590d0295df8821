-- The log knows less than the topic holds: nobody else begins to work on this database.
delete from confirmed
