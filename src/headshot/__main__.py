"""``python -m headshot`` is the command ``headshot``."""

from headshot.cli import main

if __name__ == "__main__":
    main()
