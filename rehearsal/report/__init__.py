"""The report of a rehearsal: one HTML page that shows what a stack is, from what a rehearsal leaves."""

from rehearsal.report.browser import photograph
from rehearsal.report.gather import FILE, gather, write
from rehearsal.report.page import architecture
from rehearsal.report.pricing import Pricing, begin

__all__ = ["FILE", "Pricing", "architecture", "begin", "gather", "photograph", "write"]
