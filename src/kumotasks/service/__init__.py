"""One use case per RPC behind one door: the domain's rules and the store, nothing of the wire."""
