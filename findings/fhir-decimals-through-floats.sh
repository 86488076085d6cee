#!/usr/bin/env bash
# fhir.resources keeps a Decimal and writes a float: precision that FHIR calls meaningful is lost.
#
# A good guess: FHIR says of `decimal` that its precision matters (0.010 is another value than
#   0.01 in precision) and that implementations keep it. fhir.resources types the field as Python's
#   Decimal, which can, and holds Decimal('0.90') as given. A release note of fhir_core
#   1.1.8 says that loss of precision in serialization is mended. So what goes in comes out.
# What happens: on writing, any number with a fraction passes through float. Decimal('0.90') becomes
#   0.9; 25 digits become 17; 1E2 read from JSON (one digit) is written as 100.0 (four digits). Only
#   whole numbers without a fraction, which that release was about, survive. Reading JSON goes
#   through float as well: 0.010 is held as Decimal('0.01').
# Whom it hurts: who stores a classifier's probability or a threshold in an Observation and signs,
#   hashes or compares the resource, or a clinic that reads precision off the digits.
# Versions: fhir.resources 8.3.0, fhir_core 1.1.12. Date: 2026-11-28.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --disable-pip-version-check fhir.resources==8.3.0 fhir_core==1.1.12 2>/dev/null
"$tmp/venv/bin/python" - <<'PY'
import sys
from decimal import Decimal
from importlib.metadata import version
from fhir.resources.quantity import Quantity

def written(quantity):
    return quantity.model_dump_json().removeprefix('{"value":').removesuffix("}")

given = Quantity(value=Decimal("0.90"))
long = Quantity(value=Decimal("0.1234567890123456789012345"))
print(f"version:  fhir.resources {version('fhir.resources')}, fhir_core {version('fhir_core')}")
seen = []
for what, quantity, wanted in (
    ("Decimal('0.90')", given, "0.90"),
    ("Decimal of 25 digits", long, "0.1234567890123456789012345"),
    ("JSON 0.010", Quantity.model_validate_json('{"value": 0.010}'), "0.010"),
    ("JSON 1E2", Quantity.model_validate_json('{"value": 1E2}'), "1E2"),
    ("Decimal('19')", Quantity(value=Decimal("19")), "19"),
):
    seen.append(written(quantity))
    print(f"{what}: held as {quantity.value!r}\n  expected: {wanted}\n  seen:     {seen[-1]}")
held = str(given.value) == "0.90" and str(long.value) == "0.1234567890123456789012345"
sys.exit(not held or seen != ["0.9", "0.12345678901234568", "0.01", "100.0", "19"])
PY
