"""`python -m tests.months SEED FOLDER`."""

from .make import main

main()
