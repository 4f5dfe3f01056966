"""Holds one WebSocket open and echoes over it until told to stop; any break ends it with an error.

Started by `cargo xtask interop websocket` with the URL and the number of seconds. Prints how many messages came back.
"""

import asyncio
import sys
import time

from websockets.asyncio.client import connect


async def main(url, seconds):
    echoed = 0
    until = time.monotonic() + seconds
    async with connect(url, proxy=None) as connection:
        while time.monotonic() < until:
            message = f"message {echoed} " + "x" * (echoed % 5000)
            await connection.send(message)
            answer = await asyncio.wait_for(connection.recv(), 5)
            assert answer == message, "another message came back"
            echoed += 1
            await asyncio.sleep(0.01)
    print(echoed)


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
