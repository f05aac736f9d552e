"""An origin of WebSocket for the tests, by the `websockets` package: echoes each message until the client closes. Prints its
port and serves until its input ends; at the end it prints how each connection was closed."""

import asyncio
import sys

import websockets

CLOSED = []


async def echo(socket):
    try:
        async for message in socket:
            await socket.send(message)
    except websockets.ConnectionClosedError:
        pass
    CLOSED.append((socket.close_code, socket.close_reason))


async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, subprotocols=["chat"], max_size=64 << 20) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(CLOSED, flush=True)


asyncio.run(main())
