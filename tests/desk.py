"""The desk, under the name that the stories know it by."""

from tests.swarm.world.desk import *  # noqa: F403
from tests.swarm.world.desk import __all__ as __all__
