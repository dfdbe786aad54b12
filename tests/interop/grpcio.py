#!/usr/bin/python3
"""Speaks to migd with grpcio, a gRPC that this project did not write. The message classes are made at run time
from a descriptor set that protoc made; the second half asks the server itself for them, by reflection.

usage: grpcio.py ADDRESS DATA_DIRECTORY DESCRIPTOR_SET FINISHED_RUN ENDLESS_RUN
"""
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

address, data, descriptors, finished, endless = sys.argv[1:]


def read(name):
    with open(f"{data}/{name}", "rb") as f:
        return f.read()


def classes(serialized_files):
    """The message classes of these files, by full name; files come in any order."""
    pool = descriptor_pool.DescriptorPool()
    files = [descriptor_pb2.FileDescriptorProto.FromString(s) for s in serialized_files]
    added = set()
    while len(added) < len(files):
        before = len(added)
        for f in files:
            if f.name not in added and all(d in added for d in f.dependency):
                pool.Add(f)
                added.add(f.name)
        assert len(added) > before, "a file that others need is missing"
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


with open(descriptors, "rb") as f:
    type_of = classes([p.SerializeToString() for p in descriptor_pb2.FileDescriptorSet.FromString(f.read()).file])


def credentials(**without):
    return grpc.ssl_channel_credentials(
        root_certificates=read("pki/ca.crt"),
        private_key=None if without else read("identities/admin.key"),
        certificate_chain=None if without else read("identities/admin.crt"),
    )


channel = grpc.secure_channel(address, credentials())


def method(kind, path, request, reply, on=channel):
    return getattr(on, kind)(path, request_serializer=type_of(request).SerializeToString, response_deserializer=type_of(reply).FromString)


def refused(code, call):
    try:
        call()
    except grpc.RpcError as e:
        assert e.code() == code, (e.code(), e.details())
        return e
    raise AssertionError(f"not refused, {code} was expected")


ping = method("unary_unary", "/migd.v1.Server/Ping", "migd.v1.PingRequest", "migd.v1.PingResponse")
whoami = method("unary_unary", "/migd.v1.Server/WhoAmI", "migd.v1.WhoAmIRequest", "migd.v1.WhoAmIResponse")
watch = method("unary_stream", "/migd.v1.Runs/WatchRun", "migd.v1.WatchRunRequest", "migd.v1.RunEvent")
get_run = method("unary_unary", "/migd.v1.Runs/GetRun", "migd.v1.GetRunRequest", "migd.v1.Run")
get_target = method("unary_unary", "/migd.v1.Targets/GetTarget", "migd.v1.GetTargetRequest", "migd.v1.Target")
push = method("stream_stream", "/migd.v1.Catalogs/PushCatalog", "migd.v1.PushCatalogRequest", "migd.v1.PushCatalogResponse")
Watch = type_of("migd.v1.WatchRunRequest")


def unary():
    assert ping(type_of("migd.v1.PingRequest")(), timeout=10).time.seconds > 0
    assert whoami(type_of("migd.v1.WhoAmIRequest")(), timeout=10).name == "admin"
    for _ in range(200):
        ping(type_of("migd.v1.PingRequest")(), timeout=10)
    calls = [ping.future(type_of("migd.v1.PingRequest")(), timeout=30) for _ in range(10)]
    assert all(c.result() for c in calls)


def stream_to_its_end():
    events = list(watch(Watch(id=finished), timeout=30))
    assert [e.seq for e in events] == list(range(1, len(events) + 1)), events
    assert events[0].HasField("run_started") and events[-1].HasField("run_finished")
    again = list(watch(Watch(id=finished, from_seq=3), timeout=30))
    assert again == events[2:]


def cancelled_stream():
    call = watch(Watch(id=endless))
    next(call)
    call.cancel()
    refused(grpc.StatusCode.CANCELLED, lambda: list(call))
    run = get_run(type_of("migd.v1.GetRunRequest")(id=endless), timeout=10)
    assert run.state == 1, "the run goes on without its watcher"


def deadline():
    refused(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(watch(Watch(id=endless), timeout=0.3)))


def errors_have_details():
    e = refused(grpc.StatusCode.NOT_FOUND, lambda: get_target(type_of("migd.v1.GetTargetRequest")(name="nobody"), timeout=10))
    assert "nobody" in e.details()
    status = type_of("google.rpc.Status").FromString(dict(e.trailing_metadata())["grpc-status-details-bin"])
    assert status.code == 5 and status.message == e.details()
    detail = type_of("migd.v1.Error").FromString(status.details[0].value)
    assert status.details[0].type_url.endswith("/migd.v1.Error") and detail.kind == 2


def push_in_parts():
    Request = type_of("migd.v1.PushCatalogRequest")
    text = b"-- migd:revision 0001\n-- migd:parent base\n-- migd:message large\n\n-- migd:up\nCREATE TABLE t (id INTEGER);\n" + b"-- filler\n" * 500000

    def requests():
        yield Request(header=dict(catalog="interop", any_digest=True))
        for at in range(0, len(text), 1 << 20):
            yield Request(parts=[dict(name="0001_large.sql", data=text[at : at + (1 << 20)], more=at + (1 << 20) < len(text))])

    answers = list(push(requests(), timeout=60))
    assert len(answers) == 1 and answers[0].result.catalog.revisions == 1, answers


def limits():
    unknown = channel.unary_unary("/migd.v1.Server/Nothing", request_serializer=bytes, response_deserializer=bytes)
    refused(grpc.StatusCode.UNIMPLEMENTED, lambda: unknown(b"", timeout=10))
    raw = channel.unary_unary("/migd.v1.Targets/GetTarget", request_serializer=bytes, response_deserializer=bytes)
    refused(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: raw(bytes(5 << 20), timeout=30))
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: raw(b"\x0a\x02\xff\xfe", timeout=10))
    refused(grpc.StatusCode.UNIMPLEMENTED, lambda: get_target(type_of("migd.v1.GetTargetRequest")(name="x" * 2000), timeout=10, compression=grpc.Compression.Gzip))
    ping(type_of("migd.v1.PingRequest")(), timeout=10)


def health():
    check = method("unary_unary", "/grpc.health.v1.Health/Check", "grpc.health.v1.HealthCheckRequest", "grpc.health.v1.HealthCheckResponse")
    Request = type_of("grpc.health.v1.HealthCheckRequest")
    assert check(Request(), timeout=10).status == 1
    assert check(Request(service="migd.v1.Runs"), timeout=10).status == 1
    refused(grpc.StatusCode.NOT_FOUND, lambda: check(Request(service="nothing"), timeout=10))


def reflection():
    for version in ("v1", "v1alpha"):
        package = f"grpc.reflection.{version}"
        Request = type_of(f"{package}.ServerReflectionRequest")
        info = method("stream_stream", f"/{package}.ServerReflection/ServerReflectionInfo", f"{package}.ServerReflectionRequest", f"{package}.ServerReflectionResponse")
        (listed,) = list(info(iter([Request(list_services="")]), timeout=10))
        names = {s.name for s in listed.list_services_response.service}
        assert {"migd.v1.Catalogs", "migd.v1.Targets", "migd.v1.Runs", "migd.v1.Locks", "migd.v1.Server", "grpc.health.v1.Health"} <= names, names
        # As grpcurl does: the file of a service, then each file it needs.
        found, wanted = {}, [Request(file_containing_symbol="migd.v1.Server")]
        while wanted:
            (answer,) = list(info(iter([wanted.pop()]), timeout=10))
            for serialized in answer.file_descriptor_response.file_descriptor_proto:
                f = descriptor_pb2.FileDescriptorProto.FromString(serialized)
                found[f.name] = serialized
                wanted += [Request(file_by_filename=d) for d in f.dependency if d not in found]
        learned = classes(list(found.values()))
        reply = channel.unary_unary("/migd.v1.Server/WhoAmI", request_serializer=bytes, response_deserializer=learned("migd.v1.WhoAmIResponse").FromString)
        assert reply(b"", timeout=10).role == "admin"
        (none,) = list(info(iter([Request(file_containing_symbol="no.such.Thing")]), timeout=10))
        assert none.error_response.error_code == 5


def without_a_certificate():
    with grpc.secure_channel(address, credentials(without=True)) as stranger:
        call = method("unary_unary", "/migd.v1.Server/Ping", "migd.v1.PingRequest", "migd.v1.PingResponse", on=stranger)
        refused(grpc.StatusCode.UNAVAILABLE, lambda: call(type_of("migd.v1.PingRequest")(), timeout=10))


for story in (unary, stream_to_its_end, cancelled_stream, deadline, errors_have_details, push_in_parts, limits, health, reflection, without_a_certificate):
    print("-", story.__name__.replace("_", " "), flush=True)
    story()
