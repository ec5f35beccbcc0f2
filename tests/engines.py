"""
The DynamoDB engines that contract tests run against, as many as this machine has.

Three, because each is wrong somewhere: moto (in this process, quick), ministack (what the local regions run on) and
DynamoDB Local (AWS's own expression engine, on Java, from Maven Central). The first two are always there. The third
needs ``java`` and ``mvn`` and a registry that answers once; which of them is missing is said in pytest's header, and tests
are parametrised over what is there, so that nothing is skipped.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from infra.local.emulator import HOST, LOCAL_CREDENTIALS, EmulatorFailed, free_port, start_emulator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from mypy_boto3_dynamodb import DynamoDBClient

ROOT = Path(__file__).parent.parent

DYNAMODB_LOCAL_VERSION = "2.6.1"
"""The newest on Maven Central; its classes are of Java 17 (class file version 61)."""

DYNAMODB_LOCAL_JAVA = 17

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>edge</groupId><artifactId>engine</artifactId><version>1</version>
<packaging>pom</packaging><dependencies><dependency><groupId>com.amazonaws</groupId>
<artifactId>DynamoDBLocal</artifactId><version>{DYNAMODB_LOCAL_VERSION}</version></dependency></dependencies></project>
"""


class LocalJars(NamedTuple):
    """Where DynamoDB Local lies, or why it does not: exactly one is set."""

    directory: Path | None
    reason: str | None


@cache
def dynamodb_local_jars() -> LocalJars:
    """Find DynamoDB Local in ``.cache``, or resolve it into there once."""
    directory = ROOT / ".cache" / "dynamodb-local" / DYNAMODB_LOCAL_VERSION
    java, mvn = shutil.which("java"), shutil.which("mvn")
    if java is None:
        return LocalJars(None, "no java")
    banner = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
    major = re.search(r'version "(\d+)', banner)
    if major is None or int(major[1]) < DYNAMODB_LOCAL_JAVA:
        return LocalJars(None, f"java is older than {DYNAMODB_LOCAL_JAVA}")
    if directory.is_dir():
        return LocalJars(directory, None)
    if mvn is None:
        return LocalJars(None, "no mvn")
    return _resolve(mvn, directory)


def _resolve(mvn: str, directory: Path) -> LocalJars:
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
        (Path(scratch) / "pom.xml").write_text(_POM)
        command = [
            mvn,
            *("-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"),
            *("-DincludeScope=runtime", f"-DoutputDirectory={scratch}/jars"),
        ]
        try:
            done = subprocess.run(command, cwd=scratch, capture_output=True, timeout=180)
        except subprocess.TimeoutExpired:
            return LocalJars(None, "mvn did not resolve it in 180 s")
        if done.returncode != 0:
            return LocalJars(None, f"mvn could not resolve it (exit code {done.returncode})")
        try:
            (Path(scratch) / "jars").rename(directory)
        except OSError:  # another run resolved it at the same time
            if not directory.is_dir():
                raise
    return LocalJars(directory, None)


def engine_names() -> tuple[str, ...]:
    """Return the engines that exist on this machine; ``<name>_url`` is the fixture of each."""
    return ("moto", "ministack", *(("dynamodb_local",) if dynamodb_local_jars().directory else ()))


def report() -> str:
    """Return one line for pytest's header."""
    reason = dynamodb_local_jars().reason
    return f"engines: {', '.join(engine_names())}" + (f"; no DynamoDB Local: {reason}" if reason else "")


def reference_client(url: str, *, region: str = "eu-west-3") -> DynamoDBClient:
    """Return boto3's client for an engine, without retries: what ours is compared with."""
    import boto3  # 100 ms that unit tests save
    from botocore.config import Config

    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=LOCAL_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=LOCAL_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


@contextmanager
def run_ministack(log_path: Path) -> Iterator[str]:
    """Run ministack on a free port and yield its URL."""
    emulator = start_emulator(port=free_port(), log_path=log_path)
    try:
        yield emulator.url
    finally:
        emulator.stop()


@contextmanager
def run_dynamodb_local(directory: Path, log_path: Path, *, timeout_seconds: float = 60.0) -> Iterator[str]:
    """
    Run DynamoDB Local on a free port and yield its URL.

    In memory, a database for each region (it is told no ``-sharedDb``), no telemetry. It has no option for the address
    to bind and listens on all; it runs for the length of a test session and holds nothing.

    Raises:
        EmulatorFailed: it ended or did not answer; the message is the path of its log.
    """
    port = free_port()
    command = [
        *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx384m"),
        *(f"-Dsqlite4java.library.path={directory}", "-cp", f"{directory}/*"),
        *("com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-inMemory", "-disableTelemetry"),
        *("-port", str(port)),
    ]
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        url = f"http://{HOST}:{port}"
        deadline = time.monotonic() + timeout_seconds
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmulatorFailed(str(log_path))
            time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2.0):  # noqa: S310 - made here, from a port
            return True
    except urllib.error.HTTPError as error:  # any answer will do
        error.close()
        return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@contextmanager
def run_moto() -> Iterator[str]:
    """
    Run moto's DynamoDB on a free port in a thread and yield its URL.

    Not moto's own server: that needs Flask and loads every service; this is its handler behind werkzeug, which moto
    depends on anyway.
    """
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
            """Say nothing."""

    server = make_server(HOST, 0, _moto_application, threaded=True, request_handler=Silent)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, name="moto", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_moto_lock = threading.Lock()


def _moto_application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    from moto.core.request import Request
    from moto.dynamodb.responses import DynamoHandler
    from werkzeug.wrappers import Response

    request = Request(environ)
    with _moto_lock:  # moto's read-modify-write of an item is not atomic between threads, DynamoDB's is
        status, headers, body = DynamoHandler.dispatch(request, request.raw_url, dict(request.headers))
    return Response(body, status=status, headers=headers)(environ, start_response)
