"""What AWS does not document: choices, limits and durations of the local cloud, all replaceable.

Each entry names the section of the service's documentation, as collected for this project, where
the gap is. Tests of conformance may rely on none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args, get_type_hints

import attrs

Code = str

_VERSION_STATES: Final = frozenset(
    {
        "TRAINING_IN_PROGRESS",
        "TRAINING_COMPLETED",
        "TRAINING_FAILED",
        "STARTING",
        "RUNNING",
        "FAILED",
        "STOPPING",
        "STOPPED",
        "DELETING",
        "COPYING_IN_PROGRESS",
        "COPYING_COMPLETED",
        "COPYING_FAILED",
        "DEPRECATED",
        "EXPIRED",
    }
)


@attrs.frozen(kw_only=True)
class Assumptions:
    """Choices where the documentation is silent or contradicts itself.

    Codes are error codes as on the wire.
    """

    shape_error: Code = "InvalidParameterException"
    """App. C 2: a value that breaks a maximum, pattern or enum, except page sizes."""
    page_size_error: Code = "ValidationException"
    """1.2: MaxResults above its maximum."""
    unreadable_manifest: Literal["InvalidS3ObjectException", "CREATE_FAILED"] = (
        "InvalidS3ObjectException"
    )
    """1.5 CreateDataset: both are documented; refusing at once is easier to understand."""
    duplicate_project: Code = "ResourceInUseException"
    """1.5 CreateProject: a live project has the name."""
    duplicate_dataset: Code = "ResourceAlreadyExistsException"
    """1.5 CreateDataset: the project has a dataset of the type."""
    duplicate_version: Code = "ResourceInUseException"
    """1.5 CreateProjectVersion: a version of the project has the name."""
    failed_dataset_update: Code = "ResourceInUseException"
    """2.2: UpdateDatasetEntries on a dataset whose creation failed."""
    failed_dataset_training: Code = "InvalidParameterException"
    """2.2: CreateProjectVersion with a dataset whose creation failed."""
    failed_version_start: Code = "ResourceInUseException"
    """2.3: StartProjectVersion of a version whose training failed."""
    unstartable_version: Code = "ResourceInUseException"
    """2.3: StartProjectVersion in any other state that is not `startable`."""
    unstoppable_version: Code = "ResourceInUseException"
    """2.3: StopProjectVersion in a state that is not `stoppable`."""
    undeletable_version: Code = "ResourceInUseException"
    """2.3: DeleteProjectVersion while a version starts, stops, is copied or is deleted."""
    duplicate_policy: Code = "ResourceAlreadyExistsException"
    """1.5 PutProjectPolicy: a name that is there, without a revision."""
    copy_across_regions: Code = "InvalidParameterException"
    """1.5 CopyProjectVersion: the source is in another Region."""
    uncopyable_version: Code = "ResourceInUseException"
    """2.3: CopyProjectVersion of a version in a state that cannot be copied."""
    foreign_arn: Code = "ResourceNotFoundException"
    """App. C 4: an ARN of another account or Region; AccessDeniedException is as likely."""
    policy_conditions: Literal["hold", "fail"] = "hold"
    """7.5: conditions in a project policy are accepted; the local cloud cannot judge them."""
    busy_dataset_listing: Code = "ResourceNotReadyException"
    """2.2: listing a dataset that is updated or deleted, or whose creation failed."""
    dataset_deletion: Code = "ResourceInUseException"
    """2.2: updating or deleting a dataset that is being deleted."""
    busy_dataset_training: Code = "ResourceInUseException"
    """2.2: CreateProjectVersion while a dataset is created, updated or deleted."""
    unready_distribution: Code = "ResourceNotReadyException"
    """2.2: distributing a dataset that is being deleted, or whose creation failed."""
    failed_update: Code | None = None
    """2.2: updating, distributing or training after an update that failed; None allows it."""
    startable: frozenset[str] = frozenset(
        {"TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED", "FAILED"}
    )
    """2.3: FAILED is the guess among them."""
    copyable: frozenset[str] = frozenset(
        {"TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED", "RUNNING"}
    )
    """2.3: RUNNING is the guess among them."""
    stoppable: frozenset[str] = frozenset({"RUNNING", "STARTING"})
    """2.3."""
    deletable: frozenset[str] = frozenset(
        {
            "TRAINING_COMPLETED",
            "TRAINING_FAILED",
            "STOPPED",
            "FAILED",
            "COPYING_COMPLETED",
            "COPYING_FAILED",
            "DEPRECATED",
            "EXPIRED",
        }
    )
    """2.3."""
    repeated_source_ref: Literal["first", "last"] = "first"
    """3.4: which of two lines with one source-ref survives in a manifest."""
    repeated_in_update: Literal["first", "last"] = "last"
    """App. E: which survives within one blob of UpdateDatasetEntries."""
    terminal_error_share: float = 0.20
    """3.4: share of dropped lines above which a dataset fails."""
    min_images_to_split: int = 2
    """3.5 b: labelled images that each label needs for an automatic split."""
    unlabelled_distribution: Literal["like the rest", "stay"] = "like the rest"
    """3.8: what DistributeDatasetEntries does with entries without labels."""
    snapshot_labels: Literal["every", "predicted"] = "every"
    """4.4: which labels a line of a testing snapshot lists: all, or those that reach their
    threshold. The details speak for all; AWS's notebook takes each that is listed as predicted."""
    label_length_message: str = "The label name is too long."
    """3.5 c: ERROR_INVALID_LABEL_NAME_LENGTH has no known message."""
    boxes_message: str = (
        "The local cloud learns image-level labels only; the training manifest holds "
        "bounding boxes."
    )
    """No message of AWS: it would learn the boxes."""
    charged: Literal["RUNNING", "STARTING to STOPPED"] = "RUNNING"
    """6: whether starting and stopping are charged is not stated."""

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Assumptions:
        """Assumptions by name and text, as a command line has them; sets are comma-separated.

        Raises:
            ValueError: there is no such assumption, or the text is no value of it.
        """
        defaults = cls()
        unknown = [name for name in texts if name not in attrs.fields_dict(cls)]
        if unknown:
            known = ", ".join(attrs.fields_dict(cls))
            raise ValueError(f"there is no assumption {', '.join(unknown)}; there is {known}")
        types = get_type_hints(cls)
        values = {
            name: _value(name, text, getattr(defaults, name), get_args(types[name]))
            for name, text in texts.items()
        }
        return cls(**values)  # type: ignore[arg-type]


def _value(name: str, text: str, default: object, choices: tuple[object, ...]) -> object:
    if isinstance(default, frozenset):
        found = frozenset(part.strip() for part in text.split(",") if part.strip())
        if unknown := found - _VERSION_STATES:
            raise ValueError(f"{name}: there is no state {', '.join(sorted(unknown))}")
        return found
    if isinstance(default, int | float):
        return type(default)(text)
    if type(None) in choices:
        return text or None
    if choices and text not in choices:
        raise ValueError(f"{name} is one of {', '.join(map(str, choices))}, not {text!r}")
    if not text:
        raise ValueError(f"{name} needs a value")
    return text


@attrs.frozen(kw_only=True)
class Limits:
    """Quotas of section 5; None turns one off. Counts are per account and Region."""

    projects: int | None = 100
    versions_per_project: int | None = 100
    trainings: int | None = 2
    running_versions: int | None = 2
    units_per_version: int | None = 5
    copies: int | None = None  # 5: at once; AWS has a limit, which is not documented
    policies_per_project: int | None = 50  # 5: likewise
    tags: int | None = 50  # 1.5 TagResource: AWS's usual number; the real one is not documented
    labels: int = 250
    boxes: int = 50
    rows: int = 250_000
    manifest_bytes: int = 1 << 30
    line_characters: int = 100_000
    label_characters: int = 255
    image_bytes: int = 4 << 20  # "4 MB", binary by assumption
    image_bytes_s3: int = 15 << 20
    image_side_min: int = 64
    image_side_max: int = 4096
    image_aspect: float = 20.0
    invalid_share: float = 0.20
    label_overlap: float = 0.50
    test_share: float = 0.20
    detect_tps: float | None = None
    """DetectCustomLabels a second; AWS allows 50. Off, as are all rates: tests poll fast."""
    call_tps: float | None = None
    """Any other operation a second, each counted alone; AWS allows 5."""
    tag_tps: float | None = None
    """Tag operations a second; AWS allows 10."""
    unit_tps: float | None = None
    """6: detections a second per inference unit of a running model; 2.5 to 5 were reported."""
    burst_seconds: float = 1.0
    """The size of a burst, in seconds of the rate; not documented."""
    retry_after: bool = False
    """1.2: whether a reply to a call that comes too fast says when to call again."""

    @classmethod
    def throttled(cls) -> Limits:
        """All quotas with the rates of AWS on, to test programs under them."""
        return cls(detect_tps=50, call_tps=5, tag_tps=10, unit_tps=5, retry_after=True)


DURATIONS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "dataset": 10.0,
        "training": 1800.0,
        "starting": 600.0,
        "stopping": 120.0,
        "copying": 300.0,  # a guess: not in 2.4
        "deleting": 20.0,
    }
)
"""2.4: seconds that each step takes at pace ``realistic``; "typical" figures of other people."""
