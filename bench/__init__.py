"""What Kumo Tasks costs, measured beside its peers: `make bench`, or `python -m bench [--full]`."""
