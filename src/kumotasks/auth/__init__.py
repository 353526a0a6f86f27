"""Who calls, and what he may do: keys, tokens, accounts, roles, policies."""
