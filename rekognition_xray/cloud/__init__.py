"""The wing that speaks to AWS: storage, projects, versions, waiting and money."""
