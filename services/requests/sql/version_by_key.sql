-- One version of one service.
select definition::text from service_versions where key = $1
