"""Parts of ``bench/learners.py``: methods, films and their changes, figures with intervals."""
