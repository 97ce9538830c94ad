"""What holds for all tests: a law is judged by what it says, and never by how long the machine took over it."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
