-- One version of one service.
select definition from service_versions where key = $1
