"""Comparing what was sent with what is read back, without leniency: 1, 1.0 and True differ, and so do key orders."""

import json


def text(value):
    """A value as JSON text that tells apart types and key orders."""
    return json.dumps(value, ensure_ascii=False, indent=1)


def assert_same(read, sent, what=""):
    """Fails with both texts where they differ."""
    assert text(read) == text(sent), what


def by_key(rows, key):
    """Rows by a key that each must have alone."""
    table = {row[key]: row for row in rows}
    assert len(table) == len(rows), f"{key} repeats: {sorted(row[key] for row in rows)}"
    return table
