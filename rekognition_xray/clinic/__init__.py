"""What a model is worth and what it says of an image: evaluation, policy, diagnosis, report."""
