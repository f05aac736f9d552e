"""A client of WebSocket over HTTP/1.1 for the tests, by the `websockets` package: through the gateway at 127.0.0.1:PORT."""

import asyncio
import sys

import websockets


async def main():
    url = f"ws://127.0.0.1:{sys.argv[1]}/ws"
    async with websockets.connect(url, subprotocols=["chat"], max_size=64 << 20) as socket:
        assert socket.subprotocol == "chat", socket.subprotocol
        for message in ["hello", "", "ü" * 1000, b"\x00\xff" * 2_000_000]:
            await socket.send(message)
            assert await socket.recv() == message
        pong = await socket.ping()
        await asyncio.wait_for(pong, 5)
        await socket.close(4001, "as agreed")
    assert (socket.close_code, socket.close_reason) == (4001, "as agreed"), socket.close_code


asyncio.run(asyncio.wait_for(main(), 30))
