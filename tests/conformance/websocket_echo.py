"""A WebSocket echo that everyone knows: the `websockets` package, sending back what it receives.

Started by `cargo xtask interop websocket` with the port to listen on.
"""

import asyncio
import sys

from websockets.asyncio.server import serve


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    # Autobahn's largest message is 16 MB; extensions are not what is compared.
    async with serve(echo, "127.0.0.1", int(sys.argv[1]), max_size=2**25, compression=None):
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
