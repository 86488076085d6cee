"""The state of one local cloud: resources in SQLite, models, jobs, and who is calling."""

from __future__ import annotations

from rekognition_xray.local.state.entry_table import EntryFilter
from rekognition_xray.local.state.grants import PolicyMalformed, may_copy, parse_policy
from rekognition_xray.local.state.jobs import DescribeHold, Jobs, JobStopped, Stopped
from rekognition_xray.local.state.models import PLACES, Models, round_confidences
from rekognition_xray.local.state.pages import Pager, page_size
from rekognition_xray.local.state.rates import Rates
from rekognition_xray.local.state.records import Dataset, Members, Policy, Project, Version
from rekognition_xray.local.state.store import Store, Table
from rekognition_xray.local.state.world import Caller, World

__all__ = [
    "PLACES",
    "Caller",
    "Dataset",
    "DescribeHold",
    "EntryFilter",
    "JobStopped",
    "Jobs",
    "Members",
    "Models",
    "Pager",
    "Policy",
    "PolicyMalformed",
    "Project",
    "Rates",
    "Stopped",
    "Store",
    "Table",
    "Version",
    "World",
    "may_copy",
    "page_size",
    "parse_policy",
    "round_confidences",
]
