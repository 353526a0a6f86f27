"""The reference for users, docs/reference.md, made from the tables that the program itself reads."""
