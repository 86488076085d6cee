#!/usr/bin/env bash
# A field of attrs that has a converter no longer satisfies a protocol for pyright; for mypy it does.
#
# A good guess: an attrs class whose attribute `images` is a tuple satisfies a Protocol that wants
#   a readable `images: tuple[...]` (a property). A converter only widens what __init__ takes, so
#   adding one to accept any iterable changes nothing for those who read the attribute. mypy agrees.
# What happens: dataclass_transform gives pyright a converter's field as a descriptor with a getter and a
#   setter of another type. When a Protocol is matched, pyright compares that descriptor itself
#   ("__converterDescriptor_images") with the tuple and reports reportArgumentType. Reading the
#   attribute is fine, and so is the class that inherits from the Protocol by name.
# Whom it hurts: a typed library whose maintainers run mypy alone: its users' editors (pylance,
#   basedpyright) show errors in correct programs as soon as a field gets a converter.
# Versions: attrs 26.1.0, basedpyright 1.40.2 (pyright 1.1.414), mypy 2.4.1. Date: 2026-11-29.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --disable-pip-version-check \
  attrs==26.1.0 basedpyright==1.40.2 mypy==2.4.1 2>/dev/null
cat > "$tmp/example.py" <<'PY'
from collections.abc import Iterable
from typing import Protocol

import attrs


class HasImages(Protocol):
    @property
    def images(self) -> tuple[str, ...]: ...


def to_tuple(images: Iterable[str]) -> tuple[str, ...]:
    return tuple(images)


@attrs.frozen
class Plain:
    images: tuple[str, ...]


@attrs.frozen
class Converted:
    images: tuple[str, ...] = attrs.field(converter=to_tuple)


def count(dataset: HasImages) -> int:
    return len(dataset.images)


count(Plain(("a",)))
count(Converted(["a"]))
PY
cd "$tmp"
echo '{"typeCheckingMode": "standard"}' > pyrightconfig.json
venv/bin/python example.py
venv/bin/mypy --strict example.py | tee mypy.txt
venv/bin/basedpyright --pythonpath venv/bin/python example.py > pyright.txt || true
grep -E "error:|__converterDescriptor|errors" pyright.txt
echo "expected: no error of either checker"
grep -q "Success: no issues found" mypy.txt
test "$(grep -c 'error:' pyright.txt)" = 1
grep -q 'error: Argument of type "Converted"' pyright.txt
grep -q "__converterDescriptor_images" pyright.txt
