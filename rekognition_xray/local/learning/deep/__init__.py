"""A small convolutional network, trained with PyTorch."""
