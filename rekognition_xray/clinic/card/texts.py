"""The limits that a model card names, with their sources, and what is known of the public set."""

from __future__ import annotations

from typing import Final

from rekognition_xray.clinic.card.values import Limit

LIMITS: Final = (
    Limit(
        "The figures hold for images like the test images. In other hospitals, models for chest "
        "X-rays have lost much of their accuracy; some had learned the hospital, or marks on the "
        "image.",
        "Zech 2018, PLOS Medicine 1002683; DeGrave 2021, doi:10.1038/s42256-021-00338-7",
    ),
    Limit(
        "Bacterial and viral pneumonia look alike on chest X-rays of children; radiology cannot "
        "reliably distinguish them.",
        "Andronikou 2017, doi:10.1007/s00247-017-3944-4; PMC5922330",
    ),
    Limit(
        "A confidence is not necessarily a probability.",
        "Guo 2017, arXiv 1706.04599",
    ),
)

KERMANY_LIMITS: Final = (
    Limit(
        "A network trained on the images of this centre reached an AUROC of 0.95 on its test "
        "images, and 0.54 on images of children from another centre.",
        "Xin, Li and Yi 2021, doi:10.1007/s10140-021-01954-x",
    ),
    Limit(
        "The set's official test images differ from its training images: methods that are right "
        "on 98 % of unseen patients of the training images (pneumonia or not) fall to 78 to 90 % "
        "there.",
        "measured while this library was built",
    ),
    Limit(
        "The labels are readers' opinions of the images, not findings of microbiology.",
        "Kermany 2018, Cell 172:1122",
    ),
    Limit(
        "In the original files, size and colour mode reveal the label; a model that sees them may "
        "have learned them.",
        "measured while this library was built",
    ),
)

KERMANY_SOURCE: Final = (
    "images named like those of Kermany, Zhang and Goldbaum (2018), Mendeley Data V2, "
    "doi:10.17632/rscbjbr9sj.2"
)
KERMANY_LICENCE: Final = "CC BY 4.0, if the images are of that set"
KERMANY_POPULATION: Final = (
    "if the images are of that set: children of one to five years, one centre (Guangzhou), AP "
    "X-rays"
)

NO_SERVICE_FIGURES: Final = (
    "The service's own F1, precision and recall have no intervals and are left out."
)
