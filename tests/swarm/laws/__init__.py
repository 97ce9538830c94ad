"""What must hold in every world, one law a file. `LAWS` is the list; a new law is one line here.

The laws import nothing that judges: they go by facts, by the config, by what is told (the status report, metrics, log,
outcomes of commands) and by the venues' own books; `promise` only for the bound that is being judged.
"""

from tests.swarm.laws.cadence import Cadence
from tests.swarm.laws.carried_out import CarriedOut
from tests.swarm.laws.clocks import Clocks
from tests.swarm.laws.connected import Connected
from tests.swarm.laws.counted import Counted
from tests.swarm.laws.dead_bot import DeadBot
from tests.swarm.laws.healed import Healed
from tests.swarm.laws.law import Law
from tests.swarm.laws.lease_end import LeaseEnd
from tests.swarm.laws.living_bot import LivingBot
from tests.swarm.laws.operators_word import OperatorsWord
from tests.swarm.laws.patience import Patience
from tests.swarm.laws.printed import Printed
from tests.swarm.laws.protected import Protected
from tests.swarm.laws.read_off import ReadOff
from tests.swarm.laws.retries import Retries
from tests.swarm.laws.running import Running
from tests.swarm.laws.sentences import Sentences
from tests.swarm.laws.soothing import Soothing
from tests.swarm.laws.told import Told
from tests.swarm.laws.trip_ends import TripEnds
from tests.swarm.laws.unasked import Unasked
from tests.swarm.laws.unchanged import Unchanged

LAWS: tuple[type[Law], ...] = (
    Protected,
    Unasked,
    LeaseEnd,
    Cadence,
    Connected,
    ReadOff,
    Told,
    Soothing,
    OperatorsWord,
    DeadBot,
    Healed,
    TripEnds,
    CarriedOut,
    Unchanged,
    LivingBot,
    Printed,
    Running,
    Sentences,
    Counted,
    Clocks,
    Patience,
    Retries,
)
