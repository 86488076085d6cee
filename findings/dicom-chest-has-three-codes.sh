#!/usr/bin/env bash
# pydicom knows that the two spellings of SNOMED are one code, and yet no chest of an older file is codes.SCT.Chest.
#
# A good guess: AnatomicRegionSequence of a chest X-ray is compared by `Code(...) == codes.SCT.Chest`. pydicom's
#   Code.__eq__ maps the old SNOMED-RT identifiers (scheme SRT, such as T-D3000) to SNOMED CT, so files
#   from before and after the change of 2019 are found alike; for views this works.
# What happens: the standard has since moved "Chest" to another concept. pydicom 3.0.2 lists 816094009 as
#   SCT.Chest, but maps T-D3000 to the concept of before, 51185008. Neither equals SCT.Chest, and
#   the code has no counterpart in SRT at all. A hand, a hip and both lateral views do compare equal.
# Whom it hurts: who sorts an archive by body part: all chests of older devices count as "another
#   body part", silently, while every other part and view of the same files is recognised.
# Versions: pydicom 3.0.2. Date: 2026-11-29.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --disable-pip-version-check pydicom==3.0.2 2>/dev/null
cat > "$tmp/example.py" <<'PY'
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code


def same(value: str, scheme: str, concept: Code) -> bool:
    return Code(value, scheme, "as a file has it") == concept


print("left lateral R-10236:", same("R-10236", "SRT", codes.SCT.LeftLateral))
print("hip T-15710:", same("T-15710", "SRT", codes.SCT.HipJoint))
print("hand T-D8700:", same("T-D8700", "SRT", codes.SCT.Hand))
print("chest T-D3000:", same("T-D3000", "SRT", codes.SCT.Chest))
print("chest 51185008:", same("51185008", "SCT", codes.SCT.Chest))
print("SCT.Chest is", codes.SCT.Chest.value)
print("T-D3000 is 51185008:", Code("T-D3000", "SRT", "x") == Code("51185008", "SCT", "x"))
PY
"$tmp/venv/bin/python" "$tmp/example.py" | tee "$tmp/output.txt"
echo "expected by a good guess: True for every line that compares"
grep -q "left lateral R-10236: True" "$tmp/output.txt"
grep -q "hand T-D8700: True" "$tmp/output.txt"
grep -q "chest T-D3000: False" "$tmp/output.txt"
grep -q "chest 51185008: False" "$tmp/output.txt"
grep -q "SCT.Chest is 816094009" "$tmp/output.txt"
grep -q "T-D3000 is 51185008: True" "$tmp/output.txt"
