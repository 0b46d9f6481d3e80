"""slixmpp makes an account before it signs in, changes its password and leaves; it prints a line for each step.

Arguments: JID, password, port, token of an invitation or "".
"""

import sys

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ET

NEW_PASSWORD = "changed"


def say(*words):
    print(*words, flush=True)


class Newcomer(ClientXMPP):
    def __init__(self, jid, password, token):
        super().__init__(jid, password)
        self.token = token
        self.register_plugin("xep_0077", {"order": 50})
        # COMPAT slixmpp 1.8: else it holds back what its own plugin sends before sign-in.
        self._always_send_everything = True
        self["feature_mechanisms"].unencrypted_plain = True
        self.add_event_handler("register", self.on_register)
        self.add_event_handler("session_start", self.on_session)
        self.add_event_handler("failed_all_auth", lambda _: self.give_up("cannot sign in"))
        self.add_event_handler("stream_error", lambda error: say("stream error", error["condition"]))
        self.add_event_handler("disconnected", lambda _: self.loop.stop())

    async def _pick_dns_answer(self, _domain, service=None):
        return None

    def give_up(self, why):
        say(why)
        self.disconnect()

    async def on_register(self, form):
        say("asked for", *sorted(form["register"]["fields"]))
        request = self.Iq()
        request["type"] = "set"
        request["register"]["username"] = self.boundjid.user
        request["register"]["password"] = self.password
        try:
            await request.send()
            say("registered")
        except IqError as error:
            self.give_up(error.condition)

    async def on_session(self, _):
        say("signed in")
        await self["xep_0077"].change_password(NEW_PASSWORD, jid=self.boundjid.domain)
        say("password changed")
        await self["xep_0077"].cancel_registration()
        say("cancelled")

    async def get_in(self):
        """What slixmpp does not know: XEP-0445, before it asks for the form."""
        ask = self["xep_0077"].get_registration

        async def with_token(*args, **kwargs):
            request = self.Iq()
            request["type"] = "set"
            request.append(ET.Element("{urn:xmpp:pars:0}preauth", {"token": self.token}))
            await request.send()
            say("token accepted")
            return await ask(*args, **kwargs)

        if self.token:
            self["xep_0077"].get_registration = with_token


jid, password, port, token = sys.argv[1:]
client = Newcomer(jid, password, token)
client.loop.run_until_complete(client.get_in())
client.connect(("127.0.0.1", int(port)), disable_starttls=True)
client.loop.run_forever()
