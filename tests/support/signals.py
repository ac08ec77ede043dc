"""POSIX signals by number: their names are missing on Windows, for which types are checked too."""

SIGQUIT = 3
SIGKILL = 9
SIGCONT = 18
SIGSTOP = 19
