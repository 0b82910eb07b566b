"""The state of the working tree that a result was made from."""

from __future__ import annotations

from pathlib import Path

from isogloss.registry.contents import Git


def working_tree() -> Git:
    """Commit of the checkout that the package runs from, or else of the current folder, and whether it has changes.

    Both are None outside a checkout, or without git.
    """
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
