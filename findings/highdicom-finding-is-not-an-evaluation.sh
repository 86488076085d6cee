#!/usr/bin/env bash
# A qualitative evaluation named "Finding" is written by highdicom and not given back as one.
#
# A good guess: TID 1500 lets a group of measurements hold qualitative evaluations, coded name and
#   coded value. "Finding" (DCM 121071) is the plain name for what was found, highdicom takes it
#   without a word, and a report that is read again gives the evaluations that were put in.
# What happens: the group that comes back has no evaluation. Its finding_type, which nobody set, is
#   the evaluation's value instead: "Finding" also names the row of TID 1501 that says what a group
#   is about, and the reader tells rows apart by their name alone. If finding_type is set as well,
#   the file has two such rows, and the reader refuses to choose. Any other name comes back.
# Whom it hurts: who reads reports with highdicom and looks for evaluations; the file itself is sound
#   and other readers show the row.
# Versions: highdicom 0.28.2, pydicom 3.0.2. Date: 2026-11-29.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --disable-pip-version-check highdicom==0.28.2 pydicom==3.0.2 2>/dev/null
"$tmp/venv/bin/python" - <<'PY'
import io, sys, warnings
from importlib.metadata import version
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import DigitalXRayImageStorageForPresentation, generate_uid
import highdicom.sr as sr

warnings.simplefilter("ignore")

image = Dataset()
image.SOPClassUID, image.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
image.Rows = image.Columns = 64
image.BitsAllocated, image.Modality = 16, "DX"
for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate",
             "StudyTime", "AccessionNumber", "ReferringPhysicianName"):
    setattr(image, name, "")

def outcome(name, finding_type=None):
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=generate_uid(), identifier="a"),
        finding_type=finding_type,
        qualitative_evaluations=[sr.QualitativeEvaluation(name, codes.SCT.Normal)],
        source_images=[sr.SourceImageForMeasurementGroup.from_source_image(image)],
    )
    device = sr.DeviceObserverIdentifyingAttributes(uid=generate_uid())
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(codes.DCM.Device, device)),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=[group])
    made = sr.ComprehensiveSR([image], report[0], generate_uid(), 1, generate_uid(), 1, "maker")
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    (read,) = sr.srread(stream).content.get_image_measurement_groups()
    type_read = read.finding_type and read.finding_type.meaning
    return [one.value.meaning for one in read.get_qualitative_evaluations()], type_read

print(f"version:  highdicom {version('highdicom')}, pydicom {version('pydicom')}")
print("expected: one evaluation with the value Normal, and the finding type that was set, if any")
seen = {
    "named Finding": outcome(codes.DCM.Finding),
    "named Finding, type set": outcome(codes.DCM.Finding, codes.SCT.Nodule),
    "named Single Image Finding": outcome(codes.DCM.SingleImageFinding),
}
for what, (evaluations, type_read) in seen.items():
    print(f"seen:     {what}: evaluations {evaluations}, finding type {type_read}")
sys.exit(seen != {
    "named Finding": ([], "Normal"),
    "named Finding, type set": ([], "Nodule"),
    "named Single Image Finding": (["Normal"], None),
})
PY
