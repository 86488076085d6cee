"""Images, names, datasets, audits, splits and manifests. No AWS here."""
