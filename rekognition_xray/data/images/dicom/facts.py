"""Body part, view, side, age and sex of a DICOM image, by tables of the words that files hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rekognition_xray.data.images.dicom.tags import Fault, items, text, values
from rekognition_xray.data.images.facts import ImageFacts

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

FACT_TAGS: Final = (
    *("BodyPartExamined", "AnatomicRegionSequence", "ViewPosition", "ViewCodeSequence"),
    *("PatientOrientation", "ImageLaterality", "Laterality", "PatientAge", "PatientSex"),
)
"""What the facts are read from."""

_CHEST: Final = ("CHEST", "THORAX", "TORAX", "TORACE", "PECHO", "LUNG", "CXR")
"""A word that begins so means the chest, alone or with its neighbours; with what Spanish, Italian
and Portuguese consoles write."""
_SIDE_WORDS: Final = frozenset({"LEFT", "RIGHT", "L", "R", "LT", "RT", "BILATERAL", "BOTH"})
_OTHER_PARTS: Final = frozenset(
    {
        "ABDOMEN",
        "ABDOMENPELVIS",
        "STOMACH",
        "KIDNEY",
        "COLON",
        "WHOLEBODY",
        "FEET",
        "ANKLE",
        "ARM",
        "BREAST",
        "CALCANEUS",
        "CERVICALSPINE",
    }
    | {"CLAVICLE", "COCCYX", "CSPINE", "CTSPINE", "ELBOW", "EXTREMITY", "FEMUR", "FIBULA"}
    | {"FINGER", "FOOT", "FOREARM", "HAND", "HEAD", "HEADNECK", "HIP", "HUMERUS", "ILIUM", "JAW"}
    | {"KNEE", "LEG", "LOWEXM", "LOWERLEG", "LOWERLIMB", "LSPINE", "LSSPINE", "LUMBARSPINE"}
    | {"MANDIBLE", "MAXILLA", "NASALBONE", "NECK", "ORBIT", "PATELLA", "PELVIS", "PHANTOM"}
    | {"RADIUS", "RIB", "RIBS", "SACRUM", "SCAPULA", "SHOULDER", "SINUS", "SKULL", "SPINE"}
    | {"SSPINE", "STERNUM", "THIGH", "THORACICSPINE", "THUMB", "TIBIA", "TOE", "TSPINE"}
    | {"TLSPINE", "ULNA", "UPEXM", "UPPERARM", "UPPERLIMB", "WRIST", "ZYGOMA"}
)
"""Words of PS3.16 Annex L for radiography, and their meanings, in letters only."""
_CHEST_CODES: Final = frozenset({"T-D3000", "51185008", "816094009", "43799004"})
"""The chest in SNOMED: the code up to 2019, its number, the one since, and the thoracic cavity."""
_VIEWS: Final = {
    "PA": "PA",
    "AP": "AP",
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT", "LEFTLATERAL"), "lateral"),
    **dict.fromkeys(("RIGHTLATERAL", "LATERALMEDIAL", "MEDIALLATERAL", "LM", "ML"), "lateral"),
    **dict.fromkeys(("LLD", "RLD", "DECUB", "DECUBITUS"), "decubitus"),
    **dict.fromkeys(("LLO", "RLO", "LAO", "RAO", "LPO", "RPO", "OBLIQUE"), "oblique"),
    "POSTEROANTERIOR": "PA",
    "ANTEROPOSTERIOR": "AP",
}
"""ViewPosition (PS3.3 C.8.7.1.1.1), in letters only; LLD and RLD are frontal views of a patient
who lies on one side."""
_VIEW_CODES: Final = {
    **dict.fromkeys(("R-10214", "272479007"), "PA"),
    **dict.fromkeys(("R-10206", "399348003"), "AP"),
    **dict.fromkeys(("R-10236", "399173006", "R-10232", "399198007", "399067008"), "lateral"),
}
"""CID 4010 of PS3.16, in both spellings of SNOMED."""
_SIDES: Final = {"L": "left", "R": "right", "B": "both"}
_SEXES: Final = {"F": "female", "M": "male", "O": "other"}
_AGE: Final = re.compile(r"(\d{1,4})([DWMY]?)")
_DAYS: Final = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25, "": 365.25}  # without a unit: years
_AGE_GROUPS: Final = ((1, "under 1"), (5, "1-4"), (10, "5-9"), (18, "10-17"), (1000, "18+"))


def facts_of(dataset: Dataset) -> ImageFacts:
    """The facts that a file gives; a damaged tag gives none."""
    side = _text(dataset, "ImageLaterality") or _text(dataset, "Laterality")
    return ImageFacts(
        body_part=_body_part(dataset),
        view=_view(dataset),
        laterality=_SIDES.get(side, ""),
        age_group=_age_group(_text(dataset, "PatientAge")),
        sex=_SEXES.get(_text(dataset, "PatientSex"), ""),
    )


def refuse_other_views(facts: ImageFacts, *, allow: bool) -> tuple[str, ...]:
    """The step where an image of another view was allowed; a fault where it was not."""
    if facts.body_part not in ("", "chest"):
        code, what = "other-body-part", f"another body part than the chest: {facts.body_part}"
    elif facts.view == "lateral":
        code, what = "lateral-view", "a lateral view"
    else:
        return ()
    if not allow:
        raise Fault(code, f"held back: it is marked as {what}")
    return (f"allowed: marked as {what}",)


def _body_part(dataset: Dataset) -> str:
    regions = items(dataset, "AnatomicRegionSequence")
    if any(_text(item, "CodeValue") in _CHEST_CODES for item in regions):
        return "chest"
    words = [_text(dataset, "BodyPartExamined"), *(_text(item, "CodeMeaning") for item in regions)]
    named = [found for word in words if (found := _known_part(word))]
    return "chest" if "chest" in named else next(iter(named), "")


def _known_part(text_of_tag: str) -> str:
    words = [word for word in _words(text_of_tag) if word not in _SIDE_WORDS]
    if any(word.startswith(_CHEST) for word in words):
        return "chest"
    for name in ("".join(words), "".join(reversed(words)), *words):
        for form in (name, name.removesuffix("S"), name.removesuffix("ES")):
            if form in _OTHER_PARTS:
                return form.lower()
    return ""


def _view(dataset: Dataset) -> str:
    """The view; lateral if any of the words and codes says so."""
    found = [_known_view(str(one).upper()) for one in values(dataset, "ViewPosition")]
    for item in items(dataset, "ViewCodeSequence"):
        code = _VIEW_CODES.get(_text(item, "CodeValue"), "")
        found.append(code or _known_view(_text(item, "CodeMeaning")))
    known = [view for view in found if view]
    if known:
        return "lateral" if "lateral" in known else known[0]
    return "lateral" if _seen_from_the_side(dataset) else ""


def _known_view(text_of_tag: str) -> str:
    """The view that a text names; of several, that which is no ordinary one."""
    words = _words(text_of_tag)
    views = [_VIEWS[name] for name in ("".join(words), *words) if name in _VIEWS]
    return next((view for view in ("decubitus", "lateral") if view in views), "".join(views[:1]))


def _seen_from_the_side(dataset: Dataset) -> bool:
    """Whether rows or columns run from front to back (PS3.3 C.7.6.1.1.1)."""
    try:
        directions = [str(one).strip().upper() for one in values(dataset, "PatientOrientation")]
    except Exception:  # noqa: BLE001 - a damaged tag that nobody needs refuses no image
        return False
    return len(directions) == 2 and any(one in ("A", "P") for one in directions)


def _age_group(age: str) -> str:
    found = _AGE.fullmatch(age)
    if found is None:
        return ""
    years = int(found[1]) * _DAYS[found[2]] / _DAYS["Y"]
    return next((group for limit, group in _AGE_GROUPS if years < limit), "")


def _words(text_of_tag: str) -> list[str]:
    return re.findall(r"[A-Z]+", text_of_tag.upper())


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        return text(dataset, keyword) if values(dataset, keyword) else ""
    except Exception:  # noqa: BLE001 - a damaged tag that nobody needs refuses no image
        return ""
