"""slixmpp invites others and administers with its own plugins of commands; it prints a line for each step.

Arguments: JID, password, port, PEM file of the certificate to trust.
"""

import sys

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError

INVITE = "urn:xmpp:invite#invite"
ADD_USER = "http://jabber.org/protocol/admin#add-user"
CREATE_ACCOUNT = "urn:xmpp:invite#create-account"


def say(*words):
    print(*words, flush=True)


class Host(ClientXMPP):
    def __init__(self, jid, password, trusted):
        super().__init__(jid, password)
        self.ca_certs = trusted
        # With an address instead of a name it would check no name at all. This is what DNS would have led to.
        self.default_domain = self.boundjid.host
        for plugin in ("xep_0004", "xep_0030", "xep_0050", "xep_0133"):
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self.on_session)
        self.add_event_handler("disconnected", lambda _: self.loop.stop())

    async def _pick_dns_answer(self, _domain, service=None):
        return None

    async def on_session(self, _):
        domain = self.boundjid.domain
        found = await self["xep_0050"].get_commands(domain)
        commands = {node: name for _, node, name in found["disco_items"]["items"]}
        say("commands:", *(f"{node} ({name})" for node, name in sorted(commands.items())))
        await self.invite(domain)
        if CREATE_ACCOUNT in commands:
            self.create_account(domain)
        else:
            await self.refused(domain)

    async def invite(self, domain):
        answer = await self["xep_0050"].send_command(domain, INVITE)
        self.tell(answer["command"])

    def create_account(self, domain):
        """With the plugin's own management of a command's steps."""
        self["xep_0050"].start_command(domain, CREATE_ACCOUNT, {"next": self.fill_in, "error": self.fail})

    def fill_in(self, iq, session):
        form = iq["command"]["form"]
        say("asked for", *(f"{var} ({field['type']})" for var, field in form.get_fields().items()))
        answer = self["xep_0004"].make_form(ftype="submit")
        answer.add_field(var="username", value="juliet")
        answer.add_field(var="roster-subscription", value="1")
        session["payload"] = answer
        session["next"] = self.created
        self["xep_0050"].complete_command(session)

    def created(self, iq, _):
        self.tell(iq["command"])
        self.loop.create_task(self.add_user(self.boundjid.domain))

    async def add_user(self, domain):
        """Thinks better of it, mistypes, and makes an account at last."""
        adhoc = self["xep_0050"]
        asked = await adhoc.send_command(domain, ADD_USER)
        say(asked["command"]["status"], *sorted(asked["command"]["actions"]))
        session = asked["command"]["sessionid"]
        answer = await adhoc.send_command(domain, ADD_USER, action="cancel", sessionid=session)
        say(answer["command"]["status"])
        try:
            await adhoc.send_command(domain, ADD_USER, action="complete", sessionid=session)
        except IqError as error:
            say("refused:", error.condition)
        for repeated in ("mistyped", "another secret"):
            asked = await adhoc.send_command(domain, ADD_USER)
            form = self["xep_0004"].make_form(ftype="submit")
            form.add_field(var="FORM_TYPE", ftype="hidden", value="http://jabber.org/protocol/admin")
            form.add_field(var="accountjid", value=f"mercutio@{domain}")
            form.add_field(var="password", value="another secret")
            form.add_field(var="password-verify", value=repeated)
            session = asked["command"]["sessionid"]
            try:
                answer = await adhoc.send_command(domain, ADD_USER, action="complete", payload=form, sessionid=session)
                say(answer["command"]["status"], *(text for _, text in answer["command"]["notes"]))
            except IqError as error:
                say("refused:", error.condition, error.text)
        self["xep_0133"].delete_user(session={"next": self.confirm, "error": self.fail})

    def confirm(self, iq, session):
        """With the plugin of administration, which has commands of its own."""
        answer = self["xep_0004"].make_form(ftype="submit")
        answer.add_field(var="accountjids", ftype="jid-multi", value=[f"mercutio@{self.boundjid.domain}"])
        session["payload"] = answer
        session["next"] = self.deleted
        self["xep_0050"].complete_command(session)

    def deleted(self, iq, _):
        say(iq["command"]["status"], *(text for _, text in iq["command"]["notes"]))
        self.disconnect()

    async def refused(self, domain):
        try:
            await self["xep_0050"].send_command(domain, CREATE_ACCOUNT)
        except IqError as error:
            say("refused:", error.condition)
        self.disconnect()

    def fail(self, iq, session):
        say("failed:", iq["error"]["condition"])
        self["xep_0050"].terminate_command(session)
        self.disconnect()

    def tell(self, command):
        form = command["form"]
        say(command["status"], *(var for var in form.get_fields() if var != "FORM_TYPE"))
        say(form.get_values()["uri"])


jid, password, port, trusted = sys.argv[1:]
client = Host(jid, password, trusted)
client.connect(("127.0.0.1", int(port)))
client.loop.run_forever()
