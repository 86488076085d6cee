"""Hand-made features and kernel ridge regression: seconds to train, no PyTorch."""
