"""`python -m esign_cli`: the command without its installed script."""

from esign_cli.main import main

main()
