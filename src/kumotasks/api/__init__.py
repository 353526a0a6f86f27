"""How bytes become calls: HTTP/2, gRPC, REST, and the one table from errors to statuses."""
