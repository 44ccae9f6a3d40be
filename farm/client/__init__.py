"""Talk to a lab from Python, as the command line does.

    from farm.client import connect

    with connect() as farm:  # FARM_URL and FARM_TOKEN; else this computer's lab
        for device in farm.devices():
            print(device.serial, device.state)

`Client.at(url, token, ca=...)` names a lab in the program instead. docs/api.md has a whole example.
"""

from farm.client.client import Client
from farm.client.connect import connect, serve

__all__ = ["Client", "connect", "serve"]
