"""Private workers: services that run here as they would on Cloud Run, what they are told, and who may call them."""
