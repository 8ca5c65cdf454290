"""Carries connections to another address, with the round-trip time of a network.

    relay.py MILLISECONDS TARGET-PORT LISTEN-HOST...

Each LISTEN-HOST has a listener at the target's port, which carries connections to 127.0.0.1. The first
bytes of a connection wait for one round trip more, as after a TCP handshake. Prints a line when it
listens, and the number of connections when it is terminated.
"""

import asyncio
import os
import signal
import sys

rtt, port, hosts = float(sys.argv[1]) / 1000, int(sys.argv[2]), sys.argv[3:]
connections = 0


async def carry(reader, writer, extra):
    """Carries bytes in one direction, each half a round trip later than it came."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()

    async def send():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    try:
        earliest = loop.time() + extra
        while True:
            data = await reader.read(65536)
            await queue.put((max(loop.time(), earliest) + rtt / 2, data))
            if not data:
                break
        await sending
    except OSError:
        sending.cancel()
        writer.close()


async def attend(reader, writer):
    global connections
    connections += 1
    there = await asyncio.open_connection("127.0.0.1", port)
    try:
        await asyncio.gather(carry(reader, there[1], rtt), carry(there[0], writer, 0))
    except asyncio.CancelledError:
        pass  # The relay ends.


async def main():
    for host in hosts:
        await asyncio.start_server(attend, host, port)
    print("listening", flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    print(connections, flush=True)
    # Connections that are still open end with the process.
    os._exit(0)


asyncio.run(main())
