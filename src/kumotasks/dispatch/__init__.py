"""From a due task to a worker's answer: lanes, scheduling, sending. Meets the API only in the store."""
