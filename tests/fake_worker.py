"""Stands in for a training process in tests of the launcher: runs `script.py` of the job's folder."""

import os
import sys
from pathlib import Path

from isogloss.processes import die_with_parent

die_with_parent()
folder = Path(sys.argv[1])
rank = int(os.environ.get("RANK", "0"))
exec((folder / "script.py").read_text(encoding="utf-8"), {"folder": folder, "rank": rank, "os": os, "sys": sys})
