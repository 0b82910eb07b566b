"""`python -m isogloss`, for where the console script is not on the path."""

from isogloss.cli import main

main()
