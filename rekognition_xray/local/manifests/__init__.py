"""Custom Labels manifests as the service reads them: lines, faults, whole-file rules, overviews."""
