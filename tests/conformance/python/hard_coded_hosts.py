"""A program with hard-coded hosts, as it would be written for the real services."""

import msal
from azure.communication.identity import CommunicationIdentityClient
from azure.identity import ClientSecretCredential

TENANT = "ac5ba55e-7e4a-4000-8000-000000000001"
CLIENT = "ac5ba55e-0c11-4000-8000-0000000000b1"
SECRET = "worthless-emulator-client-secret-known-to-everyone"

credential = ClientSecretCredential(TENANT, CLIENT, SECRET)
client = CommunicationIdentityClient("https://x.communication.azure.com", credential)
user = client.create_user()
client.get_token(user, ["chat", "voip"])
print(user.properties["id"])
for host in ["login.microsoftonline.com", "login.windows.net", "sts.windows.net"]:
    application = msal.ConfidentialClientApplication(
        CLIENT, authority=f"https://{host}/{TENANT}", client_credential=SECRET
    )
    result = application.acquire_token_for_client(["https://communication.azure.com/.default"])
    print(host, result.get("token_type"))
