"""What runs of it: changes carried out, fleets of instances, child processes that never outlive the server."""
