-- A target has answered.
delete from circuits where target = $1
