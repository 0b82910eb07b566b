"""Every trained model under every steering: the paper's table 3, figures 2 and 5, and what can be said of them."""

from isogloss.report.comparison.findings import comparison_findings
from isogloss.report.comparison.tables import (
    comparison_csv,
    comparison_markdown,
    comparison_table,
    comparison_tables,
)

__all__ = [
    "comparison_csv",
    "comparison_findings",
    "comparison_markdown",
    "comparison_table",
    "comparison_tables",
]
