"""Where queues and tasks are kept: one contract in the domain's verbs, one implementation over named SQL."""
