"""Files of bars: read strictly, with every fault named by its line; written safely.

Pure: no Django, no database; the time is an argument.
"""

from markets.sheets.checks import Checker, Chunk, Fault, FileRefused, Hole
from markets.sheets.csv_reader import csv_chunks
from markets.sheets.parquet_reader import parquet_chunks

__all__ = [
    "Checker",
    "Chunk",
    "Fault",
    "FileRefused",
    "Hole",
    "csv_chunks",
    "parquet_chunks",
]
