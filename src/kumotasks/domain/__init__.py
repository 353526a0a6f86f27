"""What a queue, a task and an attempt are, and every rule about them: pure, no I/O, no clock but SystemClock."""
