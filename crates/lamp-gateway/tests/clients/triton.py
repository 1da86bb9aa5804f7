"""What tritonclient sees of a gateway: `python triton.py http|grpc HOST:PORT`."""

import importlib
import sys

import numpy as np

kind, address = sys.argv[1:]
triton = importlib.import_module(f"tritonclient.{kind}")
Refused = importlib.import_module("tritonclient.utils").InferenceServerException
client = triton.InferenceServerClient(address)


def get(call, *args):
    """The answer of a call, as the JSON that it is over HTTP."""
    return call(*args, as_json=True) if kind == "grpc" else call(*args)


def tensor(name, datatype, values, **how):
    """An input with the values of an array."""
    array = np.array(values)
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, **how)
    return made


# The server and its models.
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("delay") and client.is_model_ready("delay", "delay@3")
assert get(client.get_server_metadata)["name"] == "lamplighter"
metadata = get(client.get_model_metadata, "delay")
assert metadata["versions"] == ["delay@3", "delay-simple@1"], metadata
assert [t["name"] for t in metadata["inputs"]] == ["carrier", "temp"], metadata
config = get(client.get_model_config, "delay")
config = config.get("config", config)
assert config["input"][0]["data_type"] == "TYPE_STRING", config
assert [int(d) for d in config["input"][0]["dims"]] == [-1], config

# An inference as it is made by default: over HTTP that is bytes both ways.
inputs = [
    tensor("carrier", "BYTES", np.array([["UA"], ["AA"]], dtype=object)),
    tensor("temp", "FP64", [39.5, float("nan")]),
]
result = client.infer("delay", inputs, request_id="mine")
np.testing.assert_array_equal(result.as_numpy("probability"), [0.25, 0.25])
answer = result.get_response()
answer_id = answer["id"] if kind == "http" else answer.id
assert answer_id == "mine"

# Every datatype there and back, and outputs wanted by name.
everything = {
    "flag": ("BOOL", np.array([True, False])),
    "tiny": ("INT8", np.array([-128, 127], dtype=np.int8)),
    "small": ("INT16", np.array([-32768, 32767], dtype=np.int16)),
    "middle": ("INT32", np.array([-(2**31), 2**31 - 1], dtype=np.int32)),
    "large": ("INT64", np.array([-(2**63), 2**63 - 1], dtype=np.int64)),
    "single": ("FP32", np.array([0.1, -3.4e38], dtype=np.float32)),
    "double": ("FP64", np.array([0.1, 1.7e308])),
    "text": ("BYTES", np.array(["Zürich", ""], dtype=object)),
    "triple": ("FP32", np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)),
}
inputs = [
    tensor(name, datatype, array) for name, (datatype, array) in everything.items()
]
for wanted in (None, [triton.InferRequestedOutput(name) for name in everything]):
    result = client.infer("echo", inputs, outputs=wanted)
    for name, (datatype, array) in everything.items():
        back = result.as_numpy(name)
        if datatype == "BYTES":
            back = np.array([text.decode() for text in back], dtype=object)
        else:
            assert back.dtype == array.dtype, (name, back.dtype)
        np.testing.assert_array_equal(back, array, err_msg=name)

if kind == "http":
    # JSON there, and each form back.
    in_json = [
        tensor("carrier", "BYTES", np.array(["UA"], dtype=object), binary_data=False),
        tensor("temp", "FP32", np.array([39.5], dtype=np.float32), binary_data=False),
    ]
    for binary in (False, True):
        wanted = [triton.InferRequestedOutput("probability", binary_data=binary)]
        result = client.infer("delay", in_json, outputs=wanted)
        np.testing.assert_array_equal(result.as_numpy("probability"), [0.25])

# Mistakes are told with their place.
for change, where in [
    (
        lambda: client.infer(
            "delay",
            [
                tensor("carrier", "BYTES", np.array(["UA"], dtype=object)),
                tensor("temp", "FP64", [131.0]),
            ],
        ),
        "inputs[1].data[0]",
    ),
    (lambda: client.infer("other", inputs), "no service of this name"),
    (lambda: client.infer("delay", [tensor("temp", "FP64", [1.0])]), "inputs.carrier"),
    (lambda: client.infer("delay", inputs, model_version="9"), "no such version"),
]:
    try:
        change()
    except Refused as refused:
        assert where in refused.message(), refused
    else:
        raise AssertionError(f"nothing was refused where {where} was expected")

# What was done.
stats = get(client.get_inference_statistics, "delay")["model_stats"]
assert [model["version"] for model in stats] == ["1", "delay@3", "delay-simple@1"], stats
assert int(stats[0]["inference_count"]) >= 2, stats
assert len(get(client.get_inference_statistics)["model_stats"]) == 5
print("ok")
