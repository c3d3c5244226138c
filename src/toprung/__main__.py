"""`python -m toprung` is the command line, for torchrun and accelerate launch."""

from toprung.cli.main import main

if __name__ == "__main__":
    main()
