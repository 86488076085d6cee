"""A folder of DICOM files becomes a worklist: an HTML page, a table in CSV, and JSON for programs.

Images that the model refers, or calls pneumonia, come first; a person reads them all. Each file
goes through the full chain of DICOM grey scales, and only grey pixels leave this machine. An image
whose pixels may show a name is not sent; the report lists it with the reason. The journal keeps
every answer, so an interrupted run continues and sends no image twice. The report names files, and
so may identify patients: keep it where the files may be kept.

Usage: python examples/dicom_report.py [folder for the report [folder of DICOM files]]

Without RXRAY_VERSION (the ARN of a trained version) and RXRAY_POLICY (a file that Policy.to_json
wrote) a small model is trained on this machine; without a folder a few DICOM files are drawn. On
AWS the model costs 4 USD an hour while it runs; this run is capped at 2 USD.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import jinja2
from _practice import practice
from dicom_archive import draw

import rekognition_xray as rx
from rekognition_xray.clinic.notices import NOTICE, TYPE_NOTICE

PAGE = jinja2.Template(
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Images to read</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem }
p, td { overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0 }
tr { border-bottom: 1px solid #8888 }
@media (max-width: 40rem) { th { display: none } td { display: block; padding: .2rem 0 } }
</style>
<h1>Images to read</h1>
<p><strong>{{ notices | join(" ") }}</strong></p>
<p>{{ rows | length }} images, the most urgent first. Policy: {{ policy }}. Model: {{ model }}</p>
<table>
<tr><th>File<th>Finding<th>Confidences<th>Why
{% for row in rows %}
<tr><td>{{ row.file }}<td><strong>{{ row.finding }}</strong>
<td>{{ row.confidences }}<td>{{ row.why }}
{% endfor %}
</table>
</html>
""",
    autoescape=True,
)


def main() -> None:
    """Diagnoses every image and writes the report."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        nullcontext() if "RXRAY_VERSION" in os.environ else practice(),
    ):
        output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("dicom-report")
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else draw(Path(scratch))
        output.mkdir(parents=True, exist_ok=True)

        version = rx.ModelVersion.from_arn(os.environ["RXRAY_VERSION"], aws=rx.Aws())
        policy = rx.Policy.from_json(Path(os.environ["RXRAY_POLICY"]).read_text("utf-8"))
        images = sorted(path for path in folder.rglob("*") if path.is_file())
        if not images:
            sys.exit(f"{folder} holds no files; no model was started.")
        journal = output / f"journal-{version.arn.rpartition('/')[2]}.jsonl"  # one for each version
        with version.running(max_cost="2.00") as model:
            diagnoser = rx.Diagnoser(model, policy=policy)
            answers = sorted(diagnoser.diagnose_many(images, journal=journal), key=urgency)
        print(f"{len(answers)} images; the model is {version.describe().status}")

    rows = [row(answer, folder) for answer in answers]
    summary = {"notices": [NOTICE, TYPE_NOTICE], "model": version.arn, "policy": policy.name}
    (output / "report.html").write_text(PAGE.render(rows=rows, **summary), "utf-8")
    whole = summary | {"images": [answer.to_dict() for answer in answers]}
    (output / "report.json").write_text(json.dumps(whole, indent=2), "utf-8")
    with (output / "report.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, rows[0])
        table.writeheader()
        table.writerows(rows)
    for line in rows:
        print(f"  {line['file']}: {line['finding']}")
    print(f"Look at {output / 'report.html'}. {NOTICE}")


def urgency(answer: rx.Diagnosis | rx.FailedDiagnosis) -> tuple[int, float]:
    """Images without a diagnosis come first, then referred ones, then by confidence of disease."""
    if isinstance(answer, rx.FailedDiagnosis):
        return 0, 0.0
    return (1 if answer.referred else 2), answer.confidences.get("normal", 0.0)


def row(answer: rx.Diagnosis | rx.FailedDiagnosis, folder: Path) -> dict[str, str]:
    """One line of the table."""
    file = str(Path(answer.source).relative_to(folder))
    if isinstance(answer, rx.FailedDiagnosis):
        return {
            "file": file,
            "finding": "no diagnosis",
            "confidences": "",
            "why": answer.reason.partition("\n")[0].removeprefix(f"{answer.source}: "),
        }
    confidences = ", ".join(f"{label} {value:.3f}" for label, value in answer.confidences.items())
    return {
        "file": file,
        "finding": answer.finding,
        "confidences": confidences,
        "why": answer.reason,
    }


if __name__ == "__main__":
    main()
