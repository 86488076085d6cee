"""What a model is worth and what it says of a film: evaluation, policy, diagnosis, report."""
