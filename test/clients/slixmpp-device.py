"""One device of a user, with slixmpp: orders as lines of JSON on standard input, what it sees as lines of JSON on standard output.

Arguments: JID, password, port. Without TLS: that is tested elsewhere.
Orders: {"order": "presence" | "carbons" | "fetch" | "send" | "settle" | "close", ...}. Each is answered by {"event": "done"}.
"""

import asyncio
import json
import os
import sys

from slixmpp import ClientXMPP
from slixmpp.xmlstream import ET

RETRACTION = "{urn:xmpp:message-retract:1}"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"


def tell(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


class Device(ClientXMPP):
    def __init__(self, jid, password):
        super().__init__(jid, password)
        for plugin in ("xep_0199", "xep_0203", "xep_0280", "xep_0308", "xep_0313", "xep_0359"):
            self.register_plugin(plugin)
        self["feature_mechanisms"].unencrypted_plain = True
        self.use_origin_id = True
        self.add_event_handler("session_start", lambda _: tell("session", jid=self.boundjid.full))
        self.add_event_handler("message", lambda message: self.saw("live", message))
        self.add_event_handler("carbon_sent", lambda carbon: self.saw("sent", carbon["carbon_sent"]))
        self.add_event_handler("carbon_received", lambda carbon: self.saw("received", carbon["carbon_received"]))
        self.add_event_handler("disconnected", lambda _: self.loop.stop())

    async def _pick_dns_answer(self, _domain, service=None):
        return None

    def saw(self, how, message, archive_id=None, stamp=None):
        """A message, by whatever way it came, as a client would note it."""
        own = [one for one in message.xml.findall(STANZA_ID) if one.get("by") == self.boundjid.bare]
        retract = message.xml.find(RETRACTION + "retract")
        retracted = message.xml.find(RETRACTION + "retracted")
        stamp = stamp or message["delay"]["stamp"]
        tell(
            "message",
            how=how,
            archived=archive_id or [one.get("id") for one in own],
            id=message["id"],
            sender=message["from"].bare,
            body=message["body"],
            replaces=message["replace"]["id"] or None,
            retracts=None if retract is None else retract.get("id"),
            retracted=None if retracted is None else retracted.get("id"),
            delayed=stamp.isoformat() if stamp else None,
        )

    async def obey(self, order):
        await getattr(self, "order_" + order.pop("order"))(**order)
        tell("done")

    async def order_presence(self):
        self.send_presence()

    async def order_carbons(self):
        await self["xep_0280"].enable()

    async def order_fetch(self, after=None, size=100):
        """All that the archive holds after this id, page by page."""
        rsm = {"max": size, **({"after": after} if after else {})}
        async for found in self["xep_0313"].iterate(jid=self.boundjid.bare, rsm=rsm):
            result = found["mam_result"]
            forwarded = result["forwarded"]
            self.saw("archive", forwarded["stanza"], [result["id"]], forwarded["delay"]["stamp"])

    async def order_send(self, to, body, id, replaces=None, retracts=None):
        message = self.make_message(mto=to, mbody=body, mtype="chat")
        message["id"] = id
        if replaces:
            message["replace"]["id"] = replaces
        if retracts:
            # slixmpp 1.8 knows XEP-0424 of before 2023 alone.
            message.append(ET.Element(RETRACTION + "retract", {"id": retracts}))
            message.append(ET.Element("{urn:xmpp:fallback:0}fallback", {"for": RETRACTION[1:-1]}))
            message.append(ET.Element("{urn:xmpp:hints}store"))
        message.send()

    async def order_settle(self):
        await self["xep_0199"].send_ping(self.boundjid.domain)

    async def order_close(self):
        await self.disconnect()


async def orders(client):
    """One after the other."""
    reader = asyncio.StreamReader()
    await client.loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await client.obey(json.loads(line))
    client.loop.stop()


jid, password, port = sys.argv[1:]
client = Device(jid, password)
task = client.loop.create_task(orders(client))
client.connect(("127.0.0.1", int(port)), disable_starttls=True)
client.loop.run_forever()
