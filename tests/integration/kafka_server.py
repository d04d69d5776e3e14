"""The process of a Kafka broker for tests: one JVM on free ports of this machine, in a temporary folder.

It listens in plain, with passwords, with TLS and with both; who comes in plain may do everything. What it is made
of is `kafka_parts`.
"""

import socket
import subprocess
import time
from pathlib import Path

from certificates import write_certificates
from confluent_kafka.admin import AdminClient
from kafka_parts import jars, java

JAAS = "org.apache.kafka.common.security"
USER, PASSWORD = "reader", "right-password"
LISTENERS = {"PLAINTEXT": "PLAINTEXT", "SASL": "SASL_PLAINTEXT", "TLS": "SSL", "BOTH": "SASL_SSL"}
OF_LISTENER = """
listener.name.{listener}.plain.sasl.jaas.config={jaas}.plain.PlainLoginModule required user_{user}="{password}";
listener.name.{listener}.scram-sha-512.sasl.jaas.config={jaas}.scram.ScramLoginModule required;
"""
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/authority.pem
listener.name.tls.ssl.client.auth=requested
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
log.dirs={folder}/logs
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.backoff.ms=200
log.cleaner.dedupe.buffer.size=2097152
log.retention.ms=-1
log.message.timestamp.after.max.ms=9223372036854775807
"""


class Server:
    """A broker's process, which can be ended and started again on the same ports and logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        *ports, controller = _free_ports(len(LISTENERS) + 1)
        self.addresses = {name: f"127.0.0.1:{port}" for name, port in zip(LISTENERS, ports, strict=True)}
        self._command = [java(), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        self._command += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars()}/*"]
        write_certificates(folder)
        self._format(controller)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def logs(self) -> Path:
        """The folder with a folder of each partition."""
        return self.folder / "logs"

    def start(self) -> None:
        """Start it, if it does not run, and wait until it answers."""
        if self._process is not None and self._process.poll() is None:
            return
        with (self.folder / "broker.log").open("ab") as log:
            command = [*self._command, "kafka.Kafka", str(self.folder / "server.properties")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + 60
        admin = AdminClient({"bootstrap.servers": self.addresses["PLAINTEXT"], "log_level": 0})
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if admin.list_topics(timeout=2).brokers:
                    return
            except Exception:  # noqa: BLE001 - not there yet
                time.sleep(0.1)
        text = (self.folder / "broker.log").read_text(encoding="utf-8")
        raise RuntimeError(f"the broker did not start: {text[-2000:]}")

    def stop(self, *, at_once: bool = False) -> None:
        """End it, as an administrator does or (at once) as a power cut."""
        if self._process is None:
            return
        if at_once:
            self._process.kill()
        else:
            self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _format(self, controller: int) -> None:
        properties = self.folder / "server.properties"
        listeners = ",".join(f"{name}://{address}" for name, address in self.addresses.items())
        protocols = ",".join(f"{name}:{protocol}" for name, protocol in LISTENERS.items())
        of_listeners = "".join(
            OF_LISTENER.format(listener=name.lower(), jaas=JAAS, user=USER, password=PASSWORD)
            for name in ("SASL", "BOTH")
        )
        text = PROPERTIES.format(folder=self.folder, controller=controller, listeners=listeners, protocols=protocols)
        properties.write_text(text + of_listeners, encoding="utf-8")
        made = [*self._command, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg"]
        user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        subprocess.run([*made, "-c", str(properties), "-S", user], check=True, capture_output=True, timeout=120)


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
