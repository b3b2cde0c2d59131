"""Runs a city in parts on a broker with accounts, changes records of it, and follows them with stock software.

Three agencies host everything, a fourth hosts nothing. What an agency is told over HTTP (`GET /v1/events`) is what it may see; a
nats-py client with its credentials and a receiver of webhooks must see the same events, in the same order, and nothing else.
"""

import asyncio
import http.server
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import nats
from cloudevents.core.bindings.http import HTTPMessage, from_binary_event, from_structured_event
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from standardwebhooks import Webhook

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(sys.argv[1]).resolve()
HOST, GUEST = "natural-resources", "market-regulation"
PATIENCE_S = 120
ROWS = 40

processes = []


def say(*words):
    print("test-stock:", *words, flush=True)


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if time.monotonic() > end:
            raise SystemExit(f"test-stock: never came: {what}")
        time.sleep(0.05)
    return found


def start(*args, **more):
    process = subprocess.Popen([str(arg) for arg in args], **more)
    processes.append(process)
    return process


def run(*args):
    done = subprocess.run([str(arg) for arg in args], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


class Part:
    """A process of the city; it answers once it says that it is ready, and some wait for others."""

    def __init__(self, service, config, environment):
        self.service, self.ready = service, threading.Event()
        self.process = start(PROGRAM, "run", service, "--config", config, stdout=subprocess.PIPE, text=True, env=environment)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("ready"):
                self.address = line.split()[-1]
                self.ready.set()

    @property
    def url(self):
        if not self.ready.wait(PATIENCE_S):
            raise SystemExit(f"test-stock: {self.service} never got ready")
        return self.address


class Receiver:
    """Takes deliveries as the CloudEvents SDK and the Standard Webhooks library read them."""

    def __init__(self):
        self.events, self.secret, self.faults = [], None, []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_OPTIONS(self):
                self.send_response(200)
                self.send_header("WebHook-Allowed-Origin", self.headers["WebHook-Request-Origin"])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    Webhook(receiver.secret).verify(body, headers)
                    event = from_structured_event(HTTPMessage(headers, body))
                    receiver.events.append(event.get_id())
                except Exception as fault:  # noqa: BLE001 - whatever it is, the test is to show it
                    receiver.faults.append(repr(fault))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/in"


def call(method, url, token, body=None):
    request = urllib.request.Request(url, method=method, headers={"Authorization": f"Bearer {token}"})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or "null")
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())


def streamed(url, token, count):
    """The ids of an agency's first events over HTTP."""
    request = urllib.request.Request(f"{url}/v1/events?after=0", headers={"Authorization": f"Bearer {token}"})
    ids = []
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        for line in answer:
            if line.startswith(b"data: {"):
                ids.append(json.loads(line[len(b"data: "):])["id"])
                if len(ids) == count:
                    return ids
    raise SystemExit("test-stock: the stream of events ended")


async def at_the_broker(bus, folder, agency):
    """A client with an agency's credentials, and what the broker refused to it."""
    refusals = []

    async def told(error):
        refusals.append(str(error))

    tls = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    seed = next(iter(folder.glob("*.nk")))
    client = await nats.connect(
        bus,
        tls=tls,
        nkeys_seed=str(seed),
        inbox_prefix=f"_INBOX_agency-{agency}".encode(),
        error_cb=told,
        allow_reconnect=False,
    )
    return client, refusals


async def follow(client, agency, count):
    """The first events on the agency's own subjects, by an ordered reading of the stream."""
    js = client.jetstream(timeout=10)
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, inactive_threshold=60.0, mem_storage=True
    )
    subject = f"event.{agency}.>"
    consumer = await js.pull_subscribe(subject, stream="EVENTS", config=config)
    events = []
    while len(events) < count:
        for message in await consumer.fetch(min(100, count - len(events)), timeout=20):
            assert message.subject.startswith(f"event.{agency}."), message.subject
            events.append(message)
    return events


async def refused(client, refusals, agency, other):
    """What is another's the broker does not give, nor take."""
    js = client.jetstream(timeout=2)
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, inactive_threshold=60.0)
    for subject in [f"event.{other}.>", "event.>"]:
        try:
            await js.pull_subscribe(subject, stream="EVENTS", config=config)
        except Exception:  # noqa: BLE001 - the refusal itself is told to the error callback
            pass
        else:
            raise SystemExit(f"test-stock: {agency} reads {subject}")
    await client.subscribe(f"_INBOX_agency-{other}.>")
    await client.publish(f"event.{other}.property", b"made up")
    await client.publish(f"vote.{other}", b"made up")
    await client.flush()
    await asyncio.sleep(0)
    wanted = [f"event.{other}.>", "event.>", f"_INBOX_agency-{other}.>", f"event.{other}.property", f"vote.{other}"]
    end = time.monotonic() + 20
    while not all(any(subject.lower() in told.lower() for told in refusals) for subject in wanted):
        if time.monotonic() > end:
            raise SystemExit(f"test-stock: not all of {wanted} was refused: {refusals}")
        await asyncio.sleep(0.05)


async def nats_py(bus, out, expected):
    folder = out / "agencies" / HOST
    client, refusals = await at_the_broker(bus, folder, HOST)
    messages = await follow(client, HOST, len(expected))
    # The NATS binding of CloudEvents in binary mode names headers as HTTP's does.
    read = [HTTPMessage({name.lower(): value for name, value in m.headers.items()}, m.data) for m in messages]
    assert [from_binary_event(message).get_id() for message in read] == expected, "the same events, in the same order"
    await refused(client, refusals, HOST, "data-bureau")
    await client.close()
    guest, refusals = await at_the_broker(bus, out / "agencies" / GUEST, GUEST)
    await refused(guest, refusals, GUEST, HOST)
    await guest.close()


def city(work):
    out = work / "deployment"
    said = json.loads(run(PROGRAM, "deploy", "city", "--out", out, "--agencies", 3, "--here", 0, "--json"))
    server = start(
        ROOT / ".tools/bin/nats-server", "--config", out / "nats/nats.conf", "--ports_file_dir", work, stderr=subprocess.DEVNULL
    )
    ports = work / f"nats-server_{server.pid}.ports"
    wait_until("the broker listens", lambda: ports.exists() and ports.read_text().strip())
    port = json.loads(ports.read_text())["nats"][0].rsplit(":", 1)[1]
    bus = f"tls://127.0.0.1:{port}"
    keeper = out / "keeper/keeper.toml"
    keeper.write_text(keeper.read_text().replace("tls://127.0.0.1:0", bus))
    run(PROGRAM, "deploy", "streams", "--config", keeper)
    environment = {
        **os.environ,
        "HUTONG_BUS": bus,
        "HUTONG_TELEMETRY__FILTER": "error",
        "HUTONG_NOTIFICATION__WEBHOOKS__ALLOW_NETWORKS": '["127.0.0.0/8"]',
    }
    wanted = {"storage", "validation", "ordering", "ingest", "notification", "property"}
    parts = {}
    for part in said["parts"]:
        if part["service"] in wanted:
            parts[part["name"]] = Part(part["service"], out / part["config"], environment)
    for part in parts.values():
        part.url  # noqa: B018 - waits
    return out, bus, parts


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="hutong-stock-"))
    try:
        out, bus, parts = city(work)
        say(len(parts), "parts run on a broker with accounts")
        data, notification = out / "city", parts[f"notification-{HOST}"].url

        def token(agency):
            return run(PROGRAM, "token", "--agency", agency, "--data", data).split()[-1]

        receiver = Receiver()
        asked = {"endpoint": receiver.url(), "filter": {"domains": ["property"]}, "from_height": 1}
        status, made = call("POST", f"{notification}/v1/subscriptions", token(HOST), asked)
        assert status == 201, made
        receiver.secret = made["secret"]
        status, problem = call("POST", f"{notification}/v1/subscriptions", token(GUEST), asked)
        assert (status, problem["code"]) == (403, "not_a_host"), problem

        sales = (ROOT / "data/property/ames-sales.csv").read_text().splitlines()[: ROWS + 1]
        (work / "sales.csv").write_text("\n".join(sales) + "\n")
        loaded = json.loads(run(PROGRAM, "load", "property", work / "sales.csv", "--data", data, "--url", parts["ingest"].url, "--json"))
        assert loaded["final"] == 2 * ROWS, loaded
        # A change of each transaction of the load; the catalogue's datasets are other changes, of another domain.
        wait_until("the receiver has all of property", lambda: len(receiver.events) >= 2 * ROWS or receiver.faults)
        assert not receiver.faults, receiver.faults
        assert len(receiver.events) == len(set(receiver.events)) == 2 * ROWS, "each once"
        say("a receiver made of the CloudEvents SDK has all", 2 * ROWS, "changes, signed, in order, each once")

        expected = streamed(notification, token(HOST), 2 * ROWS)
        property_ids = [event for event in expected if event in set(receiver.events)]
        assert property_ids == receiver.events[: len(property_ids)], "one order for all"
        asyncio.run(nats_py(bus, out, expected))
        say("a nats-py client with the agency's nkey has the same", len(expected), "events in the same order, and nothing that is another's")
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(processes):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(work, ignore_errors=True)
    say("all is well")


main()
