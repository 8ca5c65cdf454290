"""Creates as many identities as the argument says with the Python SDK, 32 requests in flight, and prints
their ids."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from azure.communication.identity import CommunicationIdentityClient
from azure.core.pipeline.transport import RequestsTransport
from requests import Session
from requests.adapters import HTTPAdapter

# Without this, requests keeps only 10 connections open.
session = Session()
session.mount("https://", HTTPAdapter(pool_maxsize=32))
client = CommunicationIdentityClient.from_connection_string(
    os.environ["COMMUNICATION_SERVICES_CONNECTION_STRING"],
    transport=RequestsTransport(session=session),
)
with ThreadPoolExecutor(32) as pool:
    for user in pool.map(lambda _: client.create_user(), range(int(sys.argv[1]))):
        print(user.properties["id"])
