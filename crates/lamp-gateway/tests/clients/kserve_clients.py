"""What KServe's clients see of a gateway: `python kserve_clients.py HOST:PORT`."""

import asyncio
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig

address = sys.argv[1]


def request():
    """Two rows, typed."""
    temp = InferInput("temp", [2], "FP64")
    temp.set_data_from_numpy(np.array([39.5, -4.0]), binary_data=False)
    carrier = InferInput("carrier", [2], "BYTES", data=["UA", "AA"])
    return InferRequest(
        model_name="delay", infer_inputs=[carrier, temp], request_id="mine"
    )


def raw_request():
    """Two rows as bytes."""
    temp = InferInput("temp", [2], "FP32")
    temp.set_data_from_numpy(np.array([39.5, -4.0], dtype=np.float32), binary_data=True)
    carrier = InferInput("carrier", [2], "BYTES")
    carrier.set_data_from_numpy(
        np.array([b"UA", b"AA"], dtype=object), binary_data=True
    )
    return InferRequest(
        model_name="delay", infer_inputs=[carrier, temp], request_id="mine"
    )


def check(response):
    """Both rows were answered by the primary."""
    assert (response.model_name, response.id) == ("delay", "mine"), response
    # Over REST, this client forgets the version.
    assert response.model_version in ("delay@3", None), response
    np.testing.assert_array_equal(response.outputs[0].as_numpy(), [0.25, 0.25])


async def over_rest():
    """The REST client, with JSON and with bytes."""
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    base = f"http://{address}"
    assert await client.is_server_live(base)
    assert await client.is_server_ready(base)
    assert await client.is_model_ready(base, model_name="delay")
    for make in (request, raw_request):
        check(await client.infer(base, make(), model_name="delay"))


async def over_grpc():
    """The gRPC client, with typed and raw contents."""
    client = InferenceGRPCClient(url=address)
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("delay")
    for make in (request, raw_request):
        check(await client.infer(make()))
    await client.close()


async def main():
    """Both clients."""
    await over_rest()
    await over_grpc()
    print("ok")


asyncio.run(main())
