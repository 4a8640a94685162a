"""The gallery runs from its first cell to its last, and what it shows stays small."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
from nbclient import NotebookClient

GALLERY = Path(__file__).resolve().parents[2] / "examples" / "gallery" / "gallery.ipynb"


def test_gallery() -> None:
    notebook = nbformat.read(GALLERY, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(GALLERY.parent)}}
    )
    client.execute()
    shown = [
        output["data"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert sum("image/jpeg" in data for data in shown) == 6
    assert "<table>" in json.dumps(shown[-1])
    assert len(json.dumps(notebook)) < 200_000
