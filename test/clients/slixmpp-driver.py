"""slixmpp under orders: commands as lines of JSON on standard input, what happens as lines of JSON on standard output.

Arguments: JID, password, port, "direct" or "starttls", PEM file of the certificate to trust.
Commands: {"send": JID, "body": text}, {"ping": JID}, {"close": true}.
"""

import asyncio
import json
import os
import sys

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError


def tell(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


class Driver(ClientXMPP):
    def __init__(self, jid, password, trusted):
        super().__init__(jid, password)
        self.ca_certs = trusted
        # With an address instead of a name it would check no name at all. This is what DNS would have led to.
        self.default_domain = self.boundjid.host
        self.register_plugin("xep_0199")
        self.register_plugin("xep_0203")
        self.add_event_handler("session_start", self.on_session)
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("failed_auth", lambda failure: tell("failed", condition=failure["condition"]))
        self.add_event_handler("failed_all_auth", lambda _: tell("refused"))
        self.add_event_handler("stream_error", lambda error: tell("error", condition=error["condition"]))
        self.add_event_handler("ssl_invalid_chain", lambda error: self.on_certificate(error))
        self.add_event_handler("connection_failed", lambda error: self.on_certificate(error))
        self.add_event_handler("disconnected", lambda _: tell("disconnected"))

    async def _pick_dns_answer(self, _domain, service=None):
        return None

    async def on_session(self, _):
        self.send_presence()
        # Read behind the presence: from now on messages come as they are sent. A moment earlier they are kept and follow, with a delay.
        await self.get_roster()
        tell("session", jid=self.boundjid.full)

    def on_message(self, message):
        stamp = message["delay"]["stamp"]
        tell(
            "message",
            sender=message["from"].full,
            body=message["body"],
            delayed=stamp.isoformat() if stamp else None,
        )

    def on_certificate(self, error):
        tell("certificate", text=str(error))
        self.abort()

    async def obey(self, command):
        if "send" in command:
            self.send_message(mto=command["send"], mbody=command["body"], mtype="chat")
        elif "ping" in command:
            try:
                await self["xep_0199"].send_ping(command["ping"])
            except IqError:
                pass
            tell("pong")
        else:
            self.disconnect()


def main():
    jid, password, port, mode, trusted = sys.argv[1:]
    client = Driver(jid, password, trusted)
    loop = client.loop

    unread = b""

    def read():
        nonlocal unread
        data = os.read(sys.stdin.fileno(), 65536)
        if not data:
            loop.stop()
        *lines, unread = (unread + data).split(b"\n")
        for line in lines:
            loop.create_task(client.obey(json.loads(line)))

    loop.add_reader(sys.stdin, read)
    client.connect(("127.0.0.1", int(port)), use_ssl=mode == "direct")
    loop.run_forever()


main()
