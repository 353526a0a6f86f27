"""A gRPC server as a private worker: deployed with gcloud's --use-http2, called through the front by grpcio's client.

Worker and client are grpcio's own; what lies between them is ours.
"""

from __future__ import annotations

import queue
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tests.end_to_end.deploying import kumo_run
from tests.running import KumoProcess, running

PLACE = "projects/shop/locations/us-central1"
PATIENCE = 20  # seconds; a call that hangs fails
WORKER = """
import os, signal
from concurrent import futures
import grpc

def echo(request, context):
    context.set_trailing_metadata((("x-size", str(len(request))),))
    return request

def fail(request, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the h\\u00e9ron is out")

def count(request, context):
    for number in range(int(request)):
        yield b"%d" % number

def total(requests, context):
    return b"%d" % sum(len(each) for each in requests)

def talk(requests, context):
    yield b"hello"
    for each in requests:
        yield each.upper()

def who(request, context):
    return repr(sorted(context.invocation_metadata())).encode()

def hang(request, context):
    gone = futures.Future()
    context.add_callback(lambda: gone.set_result(None))
    gone.result()
    print("hung up", flush=True)
    return b""

class Methods(grpc.GenericRpcHandler):
    table = {
        "/own.Own/Echo": grpc.unary_unary_rpc_method_handler(echo),
        "/own.Own/Fail": grpc.unary_unary_rpc_method_handler(fail),
        "/own.Own/Count": grpc.unary_stream_rpc_method_handler(count),
        "/own.Own/Total": grpc.stream_unary_rpc_method_handler(total),
        "/own.Own/Talk": grpc.stream_stream_rpc_method_handler(talk),
        "/own.Own/Who": grpc.unary_unary_rpc_method_handler(who),
        "/own.Own/Hang": grpc.unary_unary_rpc_method_handler(hang),
    }
    def service(self, details):
        return self.table.get(details.method)

server = grpc.server(futures.ThreadPoolExecutor(16))
server.add_generic_rpc_handlers((Methods(),))
server.add_insecure_port(f"127.0.0.1:{os.environ['PORT']}")
server.start()
signal.signal(signal.SIGTERM, lambda *_: server.stop(1))
server.wait_for_termination()
"""


@pytest.fixture(scope="module")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("grpc")) as process:
        folder = tmp_path_factory.mktemp("worker")
        (folder / "main.py").write_text(WORKER)
        (folder / "Procfile").write_text(f"web: {sys.executable} main.py\n")
        deploy = ("deploy", "talker", f"--source={folder}", "--use-http2", "--allow-unauthenticated")
        assert "is serving 100 percent of traffic" in kumo_run(process, PLACE, *deploy)
        yield process


@pytest.fixture(scope="module")
def host(kumo: KumoProcess) -> str:
    said = kumo_run(kumo, PLACE, "services", "describe", "talker", "--format=value(status.url)")
    return said.strip().removeprefix("https://")


@pytest.fixture
def channel(kumo: KumoProcess, host: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(kumo.address, options=[("grpc.default_authority", host)]) as channel:
        yield channel


def test_a_unary_call(channel: grpc.Channel) -> None:
    answer, call = channel.unary_unary("/own.Own/Echo").with_call(b"abc", timeout=PATIENCE)
    assert answer == b"abc"
    assert [(each.key, each.value) for each in call.trailing_metadata()] == [("x-size", "3")]


def test_a_large_message_goes_both_ways(channel: grpc.Channel) -> None:
    message = bytes(range(256)) * 12_000
    assert channel.unary_unary("/own.Own/Echo")(message, timeout=PATIENCE) == message


def test_an_error_keeps_its_code_and_its_words(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/own.Own/Fail")(b"", timeout=PATIENCE)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.details() == "the héron is out"


def test_a_method_that_is_not_there(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/own.Own/Nothing")(b"", timeout=PATIENCE)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_answers_that_stream(channel: grpc.Channel) -> None:
    found = list(channel.unary_stream("/own.Own/Count")(b"2000", timeout=PATIENCE))
    assert found == [b"%d" % number for number in range(2000)]


def test_requests_that_stream(channel: grpc.Channel) -> None:
    pieces = iter([bytes(100_000)] * 40)
    assert channel.stream_unary("/own.Own/Total")(pieces, timeout=PATIENCE) == b"4000000"


def test_a_conversation_that_the_worker_begins(channel: grpc.Channel) -> None:
    said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    heard = channel.stream_stream("/own.Own/Talk")(iter(said.get, None), timeout=PATIENCE)
    assert next(heard) == b"hello"
    for word in (b"one", b"two"):
        said.put(word)
        assert next(heard) == word.upper()
    said.put(None)
    assert list(heard) == []


def test_many_calls_at_once_share_a_connection(channel: grpc.Channel) -> None:
    words = [b"%d" % number for number in range(300)]
    with ThreadPoolExecutor(20) as callers:
        assert (
            list(callers.map(lambda word: channel.unary_unary("/own.Own/Echo")(word, timeout=PATIENCE), words)) == words
        )


def test_what_the_worker_is_told_of_its_caller(channel: grpc.Channel) -> None:
    metadata = (("x-own", "1"), ("x-raw-bin", b"\0\xff"))
    told = channel.unary_unary("/own.Own/Who")(b"", metadata=metadata, timeout=PATIENCE).decode()
    for each in ("x-own", "x-raw-bin", "x-forwarded-for", "traceparent", "grpc-python"):
        assert each in told


def test_a_call_that_is_cancelled_ends_at_the_worker(kumo: KumoProcess, channel: grpc.Channel) -> None:
    call = channel.unary_unary("/own.Own/Hang").future(b"", timeout=PATIENCE)
    assert channel.unary_unary("/own.Own/Echo")(b"", timeout=PATIENCE) == b""  # the call before it is on its way
    call.cancel()
    for _ in range(100):
        if "hung up" in kumo_run(kumo, PLACE, "services", "logs", "read", "talker"):
            return
    raise AssertionError("the worker still waits")


def test_a_deadline_is_the_clients(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/own.Own/Hang")(b"", timeout=0.2)
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_whoever_speaks_http_1_reaches_it_too(kumo: KumoProcess, host: str) -> None:
    """All but the trailers, for which HTTP/1.1's clients have no place."""
    message = b"\0\0\0\0\3abc"
    headers = {"Host": host, "Content-Type": "application/grpc", "TE": "trailers"}
    request = urllib.request.Request(f"http://{kumo.address}/own.Own/Echo", message, headers, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert (answer.status, answer.headers["content-type"], answer.read()) == (200, "application/grpc", message)


def test_a_strangers_call_is_refused_in_grpcs_words(kumo: KumoProcess, host: str) -> None:
    kumo_run(kumo, PLACE, "services", "update", "talker", "--invoker-iam-check")
    kumo_run(
        kumo,
        PLACE,
        "services",
        "remove-iam-policy-binding",
        "talker",
        "--member=allUsers",
        "--role=roles/run.invoker",
    )
    stranger = grpc.insecure_channel(kumo.address, options=[("grpc.default_authority", host)])
    with stranger, pytest.raises(grpc.RpcError) as refused:
        stranger.unary_unary("/own.Own/Echo")(b"abc", timeout=PATIENCE)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
