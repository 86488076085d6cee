"""A network that ImageNet trained, fine-tuned with PyTorch and served by onnxruntime."""
