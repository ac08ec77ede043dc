"""`python -m esign_hsm.signer`: the signer process; `supervisor` starts it."""

from esign_hsm.signer.process import main

main()
