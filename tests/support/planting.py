"""Text planted in every place that a DICOM, JPEG or PNG file has for it, and a search for it.

Each place gets a mark of its own, so that a leak is reported by the name of its place. Two kinds:
``inside`` the file, which nothing may ever repeat, and in a ``path``, which only what stays on this
machine may.
"""

from __future__ import annotations

import base64
import binascii
import functools
import io
import re
import struct
import urllib.parse
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageCms
from pydicom import uid
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

DATE = "18371119"
"""Planted wherever only a date or a number fits."""

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_MARKS: dict[str, str] = {}


def inside(place: str) -> str:
    """The mark of a place in a file; fits every text VR of DICOM."""
    return _mark("ZWXQV", place)


def in_path(place: str) -> str:
    """The mark of a place in a path."""
    return _mark("QVZPW", place)


def _mark(stem: str, place: str) -> str:
    return _MARKS.setdefault(place, f"{stem}{len(_MARKS):05}")


# -- the search ----------------------------------------------------------------------------------


def found(data: bytes) -> set[str]:
    """Names of the places whose marks stand in the data, however they are written."""
    marks: set[str] = set()
    dates = False
    for view in _views(data, depth=3):
        for text in (view.upper(), view.upper().replace(b"\0", b"")):  # UTF-16 and -32 without 0
            marks |= {mark.decode() for mark in re.findall(rb"(?:ZWXQV|QVZPW)\d{5}", text)}
            dates |= DATE.encode() in text
    places = {place for place, mark in _MARKS.items() if mark in marks}
    return places | ({"date"} if dates else set())


def _views(data: bytes, depth: int) -> Iterator[bytes]:
    """The data, and all that can be decoded or decompressed from it."""
    yield data
    if not depth:
        return
    for run in re.findall(rb"(?:[0-9a-fA-F]{2}){10,}", data):
        yield from _views(binascii.unhexlify(run), depth - 1)
    for run in re.findall(rb"[A-Za-z0-9+/_-]{12,}", data):
        for start in range(4):  # whatever stands before it may look like a part of it
            piece = run[start:] if len(run[start:]) % 4 != 1 else run[start:-1]
            decoded = base64.urlsafe_b64decode(piece.translate(_URL_SAFE) + b"==")
            yield from _views(decoded, depth - 1)
    for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", data):
        if inflated := _inflated(data[start.start() :]):
            yield from _views(inflated, depth - 1)
    if b"%" in data:
        yield urllib.parse.unquote_to_bytes(data)


def _inflated(data: bytes) -> bytes:
    """As much as comes out before something is wrong."""
    engine, made = zlib.decompressobj(wbits=47), b""
    try:
        for start in range(0, len(data), 4096):
            made += engine.decompress(data[start : start + 4096])
            if engine.eof or len(made) > 2**22:
                break
    except zlib.error:
        pass
    return made


# -- pictures ------------------------------------------------------------------------------------


def picture(seed: int, *, bright: bool) -> Image.Image:
    """Soft blots, brighter or darker on the whole."""
    dice = np.random.default_rng(seed)
    blots = Image.fromarray(dice.integers(0, 90, (6, 7), dtype="uint8"))
    soft = blots.resize((96, 80), Image.Resampling.BICUBIC)
    return soft.point(lambda value: value + (150 if bright else 20))


def jpeg(image: Image.Image, *, tail: bool = True) -> bytes:
    """A JPEG file full of marks, which EXIF turns by 90 degrees; ``tail``: also behind its end."""
    plain = _saved(image, "JPEG")
    segments = [
        (0xFE, inside("JPEG comment").encode()),
        (0xFE, inside("JPEG comment in UTF-16").encode("utf-16")),
        (0xE0, b"JFXX\0\x10" + _thumbnail("JFXX thumbnail")),
        (0xE1, _exif()),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _xmp("JPEG XMP")),
        (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + _xmp("extended XMP")),
        (0xE2, b"ICC_PROFILE\0\1\1" + _icc("ICC description of a JPEG")),
        (0xE5, inside("APP5").encode()),
        (0xED, _photoshop()),
        (0xEF, base64.b64encode(f"APP15: {inside('base64 in APP15')}".encode())),
    ]
    body = b"".join(
        struct.pack(">BBH", 0xFF, kind, len(data) + 2) + data for kind, data in segments
    )
    whole = plain[:2] + body + plain[2:]
    if not tail:
        return whole
    return whole + _thumbnail("second picture behind a JPEG") + inside("behind a JPEG").encode()


def png(image: Image.Image) -> bytes:
    """A PNG file full of marks."""
    plain = _saved(image, "PNG")
    xmp = b"XML:com.adobe.xmp\0\0\0\0\0" + _xmp("PNG XMP")
    before = [
        (b"iCCP", inside("name of an ICC profile").encode() + b"\0\0" + _packed("ICC in a PNG")),
        (b"pHYs", struct.pack(">IIB", 3000, 3000, 1)),
        (b"tEXt", b"Author\0" + inside("tEXt").encode()),
        (b"tEXt", inside("keyword of tEXt").encode() + b"\0x"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(inside("zTXt").encode())),
        (b"iTXt", b"Title\0\0\0de\0Titel\0" + inside("iTXt").encode()),
        (b"iTXt", b"Title\0\1\0de\0Titel\0" + zlib.compress(inside("packed iTXt").encode())),
        (b"iTXt", xmp),
        (b"eXIf", _exif()[6:]),
        (b"prVt", inside("private chunk").encode()),
        (b"sPLT", inside("name of a palette").encode() + b"\0\x08"),
    ]
    after = [(b"tEXt", b"Comment\0" + inside("tEXt behind the pixels").encode())]
    header, pixels, end = plain[:33], plain[33:-12], plain[-12:]
    front, back = (b"".join(_chunk(*item) for item in items) for items in (before, after))
    return header + front + pixels + back + end + inside("behind a PNG").encode()


def _saved(image: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _thumbnail(place: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "JPEG", comment=inside(place))
    return buffer.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = f"{DATE[:4]}:{DATE[4:6]}:{DATE[6:]} 10:00:00"
    for tag, name in ((270, "ImageDescription"), (271, "Make"), (272, "Model"), (305, "Software")):
        exif[tag] = inside(f"EXIF {name}")
    for tag, name in ((315, "Artist"), (316, "HostComputer"), (33432, "Copyright")):
        exif[tag] = inside(f"EXIF {name}")
    for tag, name in ((40091, "XPTitle"), (40092, "XPComment"), (40093, "XPAuthor")):
        exif[tag] = inside(f"EXIF {name}").encode("utf-16-le")
    camera = exif.get_ifd(0x8769)
    camera[37500] = inside("EXIF MakerNote").encode()
    camera[37510] = b"ASCII\0\0\0" + inside("EXIF UserComment").encode()
    camera[42016] = inside("EXIF ImageUniqueID")
    camera[42032] = inside("EXIF CameraOwnerName")
    place = exif.get_ifd(0x8825)
    place[28] = inside("EXIF GPSAreaInformation").encode()
    place[29] = DATE
    return exif.tobytes() + _thumbnail("EXIF thumbnail")


def _xmp(place: str) -> bytes:
    return f"<x:xmpmeta><dc:creator>{inside(place)}</dc:creator></x:xmpmeta>".encode()


def _photoshop() -> bytes:
    fields = {5: "title", 25: "keyword", 80: "by-line", 105: "headline", 120: "caption"}
    records = [(number, inside(f"IPTC {name}")) for number, name in fields.items()]
    iptc = b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(text)) + text.encode()
        for number, text in [*records, (55, DATE)]
    )
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    return b"Photoshop 3.0\0" + block


def _icc(place: str) -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    was, mark = "sRGB built-in".encode("utf-16-be"), inside(place).ljust(13).encode("utf-16-be")
    assert was in profile
    return profile.replace(was, mark)


def _packed(place: str) -> bytes:
    return zlib.compress(_icc(place))


# -- DICOM ---------------------------------------------------------------------------------------

_TEXT = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_STEERING = frozenset(
    {"SOPClassUID", "Modality", "ConversionType", "PresentationIntentType", "BurnedInAnnotation"}
    | {"PhotometricInterpretation", "VOILUTFunction", "PresentationLUTShape", "PixelPresentation"}
    | {"ModalityLUTSequence", "VOILUTSequence", "SpecificCharacterSet", "NumberOfFrames"}
)
"""What says how pixels are to be read: no free text, and a mark there would only be refused."""


def dicom(image: Image.Image, *, packed: bool = False, **tags: object) -> bytes:
    """A DICOM image with marks in every text element of the standard and in every sequence.

    ``packed`` puts the pixels into it as a JPEG which is full of marks itself.
    """
    syntax = uid.JPEGBaseline8Bit if packed else uid.ExplicitVRLittleEndian
    front, back = around_pixels(syntax, image.size, frozenset(tags.items()))
    return front + _element(_pixels(image, packed=packed), packed=packed) + back


def _pixels(image: Image.Image, *, packed: bool) -> bytes:
    if packed:
        return encapsulate([jpeg(image, tail=False)])
    return image.tobytes() + inside("behind the pixels of a DICOM").encode().ljust(16)


def _element(pixels: bytes, *, packed: bool) -> bytes:
    """The element PixelData as it stands in a file."""
    length = b"\xff" * 4 if packed else struct.pack("<I", len(pixels))
    end = b"\xfe\xff\xdd\xe0\0\0\0\0" if packed else b""
    return b"\xe0\x7f\x10\0OB\0\0" + length + pixels + end


@functools.cache  # thousands of elements take their time
def around_pixels(
    syntax: uid.UID, size: tuple[int, int], tags: frozenset[tuple[str, object]]
) -> tuple[bytes, bytes]:
    """What stands before the pixels in a file, and behind them."""
    made = _planted()
    made.SOPClassUID, made.Modality = uid.ComputedRadiographyImageStorage, "CR"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Columns, made.Rows = size
    made.PixelRepresentation, made.BitsAllocated, made.BitsStored, made.HighBit = 0, 8, 8, 7
    made.VOILUTSequence = Sequence([_lut()])
    for keyword, value in tags:
        setattr(made, keyword, value)
    made.file_meta = _meta(syntax)
    made.preamble = inside("preamble of a DICOM").encode().ljust(128, b"\0")
    packed = syntax.is_encapsulated
    blank = _pixels(Image.new("L", size), packed=packed)
    made.add_new(0x7FE0_0010, "OB", blank)
    made["PixelData"].is_undefined_length = packed
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    front, back = buffer.getvalue().split(_element(blank, packed=packed))
    return front, back


def _planted() -> Dataset:
    made = Dataset()
    made.RequestAttributesSequence = Sequence([_three_deep()])
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        free = keyword and keyword not in _STEERING and keyword not in made
        if free and 0x0008_0000 <= tag < 0xFFFA_0000:
            _plant(made, tag, vr, f"DICOM {keyword}")
    made.PatientBirthDate = made.StudyDate = DATE
    private = made.private_block(0x0011, inside("creator of a private block"), create=True)
    private.add_new(1, "LO", inside("private tag"))
    private.add_new(2, "UN", inside("private tag of unknown kind").encode())
    private.add_new(3, "SQ", [_item("DICOM private sequence")])
    made.add_new(0x6000_0010, "US", 8)
    made.add_new(0x6000_0011, "US", 8)
    made.add_new(0x6000_3000, "OW", inside("overlay").encode())
    made.add_new(0x6000_4000, "LT", inside("comment on an overlay"))
    made.add_new(0xFFFC_FFFC, "OB", inside("trailing padding").encode())
    return made


def _plant(made: Dataset, tag: int, vr: str, place: str) -> None:
    if vr in _TEXT:
        made.add(DataElement(tag, vr, inside(place)))
    elif vr in {"DA", "DT"}:
        made.add(DataElement(tag, vr, DATE))
    elif vr == "UI":
        made.add(DataElement(tag, vr, f"1.2.826.{DATE}.1"))
    elif vr == "SQ":
        made.add(DataElement(tag, vr, Sequence([_item(place)])))


def _item(place: str) -> Dataset:
    item = Dataset()
    item.PatientName = inside(f"item of {place}")
    return item


def _three_deep() -> Dataset:
    """An item with a name, in it another one with a date, and in that another one with a name."""
    outer, middle = _item("the first level"), Dataset()
    middle.StudyDate, middle.ReferencedStudySequence = DATE, Sequence([_item("the third level")])
    outer.RequestAttributesSequence = Sequence([middle])
    return outer


def _lut() -> Dataset:
    item = Dataset()
    item.LUTDescriptor, item.LUTExplanation = [256, 0, 8], inside("explanation of a LUT")
    item.add_new(0x0028_3006, "OW", bytes(range(256)))
    return item


def _meta(syntax: uid.UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = uid.ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.826.{DATE}.2"
    meta.ImplementationVersionName = inside("implementation")
    meta.SourceApplicationEntityTitle = inside("source AE title")
    meta.SendingApplicationEntityTitle = inside("sending AE title")
    meta.ReceivingApplicationEntityTitle = inside("receiving AE title")
    meta.PrivateInformationCreatorUID = f"1.2.826.{DATE}.3"
    meta.PrivateInformation = inside("private information").encode()
    return meta
