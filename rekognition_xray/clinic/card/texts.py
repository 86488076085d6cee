"""The limits that a model card names, with their sources, and what is known of the public set."""

from __future__ import annotations

from typing import Final

from rekognition_xray.clinic.card.values import Limit

LIMITS: Final = (
    Limit(
        "The figures hold for images like the test images. In other hospitals models of chest X-rays "
        "have lost much of their accuracy; some had learned the hospital, or marks on the image.",
        "Zech 2018, PLOS Medicine 1002683; DeGrave 2021, doi:10.1038/s42256-021-00338-7",
    ),
    Limit(
        "Bacterial and viral pneumonia look alike on children's chest images; the difference is not "
        "one that radiology can settle.",
        "Andronikou 2017, doi:10.1007/s00247-017-3944-4; PMC5922330",
    ),
    Limit(
        "A confidence is not promised to be a probability.",
        "Guo 2017, arXiv 1706.04599",
    ),
)

KERMANY_LIMITS: Final = (
    Limit(
        "A network trained on the images of this centre reached an AUROC of 0.95 on its test images "
        "and 0.54 on those of children of another one.",
        "Xin, Li and Yi 2021, doi:10.1007/s10140-021-01954-x",
    ),
    Limit(
        "The set's official test images differ from its training images: methods right on 98 % "
        "of unseen patients of the training images (pneumonia or not) fall to 78 to 90 % there.",
        "measured while this library was built",
    ),
    Limit(
        "The labels are readers' opinions of the images, not findings of microbiology.",
        "Kermany 2018, Cell 172:1122",
    ),
    Limit(
        "In the original files size and colour mode give the label away; a model that sees them "
        "may have learned them.",
        "measured while this library was built",
    ),
)

KERMANY_SOURCE: Final = (
    "images named as those of Kermany, Zhang and Goldbaum (2018), Mendeley Data V2, "
    "doi:10.17632/rscbjbr9sj.2"
)
KERMANY_LICENCE: Final = "CC BY 4.0, if the images are of that set"
KERMANY_POPULATION: Final = "if the images are of that set: children of one to five years, one centre (Guangzhou), AP images"

NO_SERVICE_FIGURES: Final = (
    "The service's own F1, precision and recall come without intervals and are left out."
)
