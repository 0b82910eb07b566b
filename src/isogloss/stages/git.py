"""The state of the working tree that a result was made from."""

from __future__ import annotations

import os
import re
from pathlib import Path

from isogloss.registry.contents import Git

#: What `git describe --always --dirty --abbrev=40 --exclude '*'` says: the commit, and whether the tree had changes.
_DESCRIBED = re.compile(r"(?P<commit>[0-9a-f]{40})(?P<dirty>-dirty)?")


def working_tree() -> Git:
    """Commit of the checkout that the package runs from, or else of the current folder, and whether it has changes.

    Outside a checkout, or without git, what `ISOGLOSS_COMMIT` says: an image carries there what it was built from. Both are
    None without that.
    """
    found = _checkout()
    if found.commit is not None:
        return found
    built = _DESCRIBED.fullmatch(os.environ.get("ISOGLOSS_COMMIT", ""))
    return found if built is None else Git(commit=built["commit"], dirty=built["dirty"] is not None)


def _checkout() -> Git:
    # GitPython looks for the git program when it is imported, and raises ImportError without one.
    try:
        import git
    except ImportError:
        return Git()
    for place in (Path(__file__).parent, Path.cwd()):
        try:
            repository = git.Repo(place, search_parent_directories=True)
            tracked = repository.git.ls_files("--", str(place)) if place != Path.cwd() else "."
            if tracked:
                return Git(commit=repository.head.commit.hexsha, dirty=repository.is_dirty(untracked_files=False))
        except (git.InvalidGitRepositoryError, git.NoSuchPathError, git.GitCommandError, ValueError):
            continue
    return Git()
