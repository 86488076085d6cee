"""Parts of ``bench/learners.py``: methods, images and their changes, figures with intervals."""
