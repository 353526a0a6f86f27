"""Our own surface, for what Google lacks: the attempts of a task, and the tasks that ran out of them."""
