"""`python -m graphwright`: the same as the `graphwright` command."""

from graphwright.cli import main

main()
