"""Arrays of messages in NumPy, by the buffer protocol and by DLPack: both without a copy."""

import pytest
import schemas

import ringmail

numpy = pytest.importorskip("numpy")
read_only_tensors = pytest.mark.skipif(
    tuple(map(int, numpy.__version__.split(".")[:2])) < (2, 1),
    reason="NumPy knows read-only tensors, which are DLPack 1.0, from 2.1 on",
)

HEAD = """
import numpy
import ringmail
peer = ringmail.peer()
"""


@pytest.fixture
def types():
    return schemas.Types(schemas.FLIGHTS)


def test_an_array_of_numpy_shares_the_bytes_of_a_message(types):
    batch = types.Batch(delays=[1, 2, 3, 4])
    array = numpy.asarray(batch.delays)
    assert array.dtype == numpy.float64 and array.tolist() == [1, 2, 3, 4]
    array[2] = 9
    assert batch.delays[2] == 9
    whole = numpy.frombuffer(batch, dtype=numpy.uint8)
    assert whole.nbytes == batch._size
    assert numpy.frombuffer(batch.delays, dtype="f8")[2] == 9


def test_dlpack_shares_them_too(types):
    batch = types.Batch(delays=[1, 2, 3, 4])
    view = batch.delays.obj
    assert view.__dlpack_device__() == (1, 0)
    array = numpy.from_dlpack(view)
    assert array.dtype == numpy.float64 and array.tolist() == [1, 2, 3, 4]
    batch.delays[0] = 7
    assert array[0] == 7
    del batch, view
    assert array.tolist() == [7, 2, 3, 4], "the tensor keeps the message"


@pytest.mark.parametrize("name", ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64"])
def test_dlpack_knows_every_number(name):
    size = int(name[1:]) // 8
    identity = ringmail._ringmail.type_id("a.B")
    schema = (
        f"ringmail-schema 1\nmessage a.B size {size * 3} align {size} id {identity:#010x}\n"
        f"  field x {name}[3] offset 0\n"
    )
    message = schemas.Types(schema).B(x=[1, 2, 3])
    array = numpy.from_dlpack(message.x.obj)
    kinds = {"u": "uint", "i": "int", "f": "float"}
    assert array.dtype == f"{kinds[name[0]]}{name[1:]}" and array.tolist() == [1, 2, 3]


def test_what_dlpack_cannot_have_is_refused(types):
    view = types.Batch().delays.obj
    for asked in ({"stream": 1}, {"dl_device": (2, 0)}, {"copy": True}):
        with pytest.raises(BufferError):
            view.__dlpack__(**asked)
    capsule = view.__dlpack__()  # nobody takes it
    del capsule
    capsule = view.__dlpack__(max_version=(1, 0), stream=None, dl_device=(1, 0), copy=False)
    assert "dltensor_versioned" in repr(capsule)


@read_only_tensors
def test_a_received_array_is_read_only_and_ends_with_its_message(host):
    running = host(
        HEAD
        + """
@peer.on("flights.Batch")
def batch(message):
    array = numpy.asarray(message.delays)
    tensor = numpy.from_dlpack(message.delays.obj)
    print(array.sum(), tensor.sum(), array.flags.writeable, tensor.flags.writeable)
    try:
        message.delays.obj.__dlpack__()
    except BufferError as error:
        print(error)
    view = message.delays.obj
    globals()["kept_view"] = view

@peer.on("flights.Other")
def other(message):
    try:
        numpy.from_dlpack(kept_view)
    except ringmail.ReleasedError:
        print("released")

peer.run()
"""
    ).ready()
    running.send(running.types.Batch(delays=[1, 2, 3, 4]))
    running.send(running.types.Other())
    assert running.stop().splitlines() == [
        "10.0 10.0 False False",
        "a received message is read-only, which DLPack can say from version 1 on only",
        "released",
    ]


@pytest.mark.parametrize(
    "keep",
    [
        "numpy.asarray(message.delays)",
        pytest.param("numpy.from_dlpack(message.delays.obj)", marks=read_only_tensors),
    ],
)
def test_a_handler_that_keeps_an_array_fails(host, keep):
    running = host(
        HEAD
        + f"""
kept = []
peer.on("flights.Batch")(lambda message: kept.append({keep}))
peer.run()
"""
    ).ready()
    running.send(running.types.Batch())
    assert running.wait_for("exit") == ["1"]
    assert "ReleasedError: the handler of flights.Batch kept a memoryview of it" in running.output()
