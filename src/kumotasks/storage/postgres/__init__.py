"""The PostgreSQL engine: any number of nodes on one database."""
