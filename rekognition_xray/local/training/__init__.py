"""The learning behind a local training: learners, metrics, and the result files of the service."""
