"""`python -m morphogen` is the same as `morphogen`."""

from morphogen.cli import main

if __name__ == "__main__":
    main()
