"""One refresh of a topic in a process of its own, to be killed: `kafka_refresh.py SERVERS TOPIC HOME`.

Writes a line when the work begins.
"""

import sys
from pathlib import Path

from kafka_broker import Broker
from kafka_records import Pipeline

from llmops_assets.lake import Lake
from llmops_assets.settings import CatalogSettings


def pipeline(servers: str, topic: str, home: Path) -> Pipeline:
    """The pipeline of a topic with its lake under `home`."""
    return Pipeline(Broker(servers, servers), Lake.open(CatalogSettings().resolved(home)), home, topic)


if __name__ == "__main__":
    bus = pipeline(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    bus.refresh()
