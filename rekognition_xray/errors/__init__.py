"""Every error that the library raises, in one tree.

    XrayError
    ├── MissingExtraError (ImportError)       an optional dependency is not installed
    ├── DataError (ValueError)                images, names, labels, manifests
    │   ├── FolderNotFoundError (FileNotFoundError)
    │   ├── EmptyDatasetError
    │   ├── AuditError                        carries every finding with its files
    │   ├── ImageError                        one image that cannot be used
    │   │   └── RefusedByGateError            it does not look like the training images
    │   ├── SplitError
    │   ├── LabelsError                       too few, unknown or contradictory labels
    │   │   └── NoLabelError                  a rule that knows no label for an image
    │   ├── ManifestError
    │   ├── PreparedFolderError (OSError)     the folder for prepared images cannot be written
    │   ├── PseudonymKeyError                 the key for pseudonyms is too short or cannot be kept
    │   └── ReadingsError                     readings of people that cannot be used, all named
    ├── AwsError                              AWS refused a call: operation, code, request id, ARN
    │   ├── ConnectionFailedError (ConnectionError)
    │   ├── CredentialsError
    │   ├── AccessDeniedError (PermissionError)
    │   ├── NotFoundError (LookupError)
    │   ├── AlreadyExistsError
    │   ├── InUseError
    │   ├── NotReadyError
    │   ├── InvalidRequestError (ValueError)
    │   ├── InvalidImageError (ValueError)
    │   ├── StorageError                      a bucket or an object
    │   │   └── UploadError                   carries every image that was not uploaded, and why
    │   ├── QuotaError
    │   ├── ThrottledError
    │   └── ServiceFaultError
    ├── WaitError
    │   ├── WaitTimeoutError (TimeoutError)   the time budget is used up
    │   └── UnreachableStateError             the awaited state cannot come any more
    ├── DatasetFailedError                    the service could not create or update a dataset
    ├── TrainingRefusedError                  carries every reason to refuse a training
    ├── TrainingFailedError                   carries the service's message and the bad lines
    ├── CopyFailedError                       the service could not copy a version
    ├── MoneyError
    │   ├── CostCapError                      refused to start: above the cost limit
    │   ├── PlanError (ValueError)            no plan meets what was asked
    │   ├── PriceBookError (ValueError)       carries everything wrong with a file of prices
    │   └── StopFailedError                   a model may still be billing
    ├── EvaluationError (ValueError)          result files that cannot be read or relied on
    └── JournalError (ValueError)             a bulk journal that cannot be continued

Each error carries ``hint``: one sentence on what to do.
"""

from __future__ import annotations

from rekognition_xray.errors.aws import (
    AccessDeniedError,
    AlreadyExistsError,
    AwsError,
    ConnectionFailedError,
    CredentialsError,
    InUseError,
    InvalidImageError,
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
    QuotaError,
    ServiceFaultError,
    StorageError,
    ThrottledError,
    UploadError,
)
from rekognition_xray.errors.base import (
    MissingExtraError,
    XrayError,
    list_paths,
)
from rekognition_xray.errors.clinic import (
    EvaluationError,
    JournalError,
)
from rekognition_xray.errors.data import (
    AuditError,
    DataError,
    EmptyDatasetError,
    FolderNotFoundError,
    ImageError,
    LabelsError,
    ManifestError,
    ManifestFault,
    NoLabelError,
    PatientLeakWarning,
    PreparedFolderError,
    PseudonymKeyError,
    ReadingsError,
    RefusedByGateError,
    SplitError,
)
from rekognition_xray.errors.jobs import (
    CopyFailedError,
    DatasetFailedError,
    TrainingFailedError,
    TrainingFault,
    TrainingRefusedError,
    UnreachableStateError,
    WaitError,
    WaitTimeoutError,
)
from rekognition_xray.errors.money import (
    CostCapError,
    MoneyError,
    PlanError,
    PriceBookError,
    StopFailedError,
)

__all__ = [
    "AccessDeniedError",
    "AlreadyExistsError",
    "AuditError",
    "AwsError",
    "ConnectionFailedError",
    "CopyFailedError",
    "CostCapError",
    "CredentialsError",
    "DataError",
    "DatasetFailedError",
    "EmptyDatasetError",
    "EvaluationError",
    "FolderNotFoundError",
    "ImageError",
    "InUseError",
    "InvalidImageError",
    "InvalidRequestError",
    "JournalError",
    "LabelsError",
    "ManifestError",
    "ManifestFault",
    "MissingExtraError",
    "MoneyError",
    "NoLabelError",
    "NotFoundError",
    "NotReadyError",
    "PatientLeakWarning",
    "PlanError",
    "PreparedFolderError",
    "PriceBookError",
    "PseudonymKeyError",
    "QuotaError",
    "ReadingsError",
    "RefusedByGateError",
    "ServiceFaultError",
    "SplitError",
    "StopFailedError",
    "StorageError",
    "ThrottledError",
    "TrainingFailedError",
    "TrainingFault",
    "TrainingRefusedError",
    "UnreachableStateError",
    "UploadError",
    "WaitError",
    "WaitTimeoutError",
    "XrayError",
    "list_paths",
]

for _name in __all__:  # a traceback names what can be imported, not the module behind the door
    globals()[_name].__module__ = __name__
