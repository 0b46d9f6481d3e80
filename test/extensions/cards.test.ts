/** XEP-0292 §10: cards in both forms. */
import t from 'tap'
import { toVcard4, toVcardTemp } from '../../src/extensions/profiles/cards.ts'
import { parseElement, printAlone } from '../../src/xml/stored.ts'

const TEMP = `<vCard xmlns="vcard-temp">
  <FN>Peter Saint-Andre</FN><N><FAMILY>Saint-Andre</FAMILY><GIVEN>Peter</GIVEN><MIDDLE/></N><NICKNAME>stpeter</NICKNAME>
  <URL>http://stpeter.im/</URL><BDAY>1966-08-06</BDAY><ORG><ORGNAME>XSF</ORGNAME><ORGUNIT>Office</ORGUNIT></ORG>
  <TEL><WORK/><VOICE/><PREF/><NUMBER>303-308-3282</NUMBER></TEL><EMAIL><INTERNET/><HOME/><USERID>stpeter@jabber.org</USERID></EMAIL>
  <ADR><HOME/><POSTAL/><LOCALITY>Denver</LOCALITY><CTRY>USA</CTRY></ADR><GEO><LAT>39.59</LAT><LON>-105.01</LON></GEO>
  <JABBERID>stpeter@jabber.org</JABBERID><CATEGORIES><KEYWORD>a</KEYWORD><KEYWORD>b</KEYWORD></CATEGORIES><DESC>More</DESC>
  <MAILER>pine</MAILER></vCard>`.replaceAll(/>\s+</g, '><')
const FOUR = `<vcard xmlns="urn:ietf:params:xml:ns:vcard-4.0">
  <fn><text>Peter Saint-Andre</text></fn>
  <n><surname>Saint-Andre</surname><given>Peter</given><additional/><prefix/><suffix/></n><nickname><text>stpeter</text></nickname>
  <url><uri>http://stpeter.im/</uri></url><bday><date>1966-08-06</date></bday><org><text>XSF</text><text>Office</text></org>
  <tel><parameters><type><text>work</text><text>voice</text></type><pref><integer>1</integer></pref></parameters><uri>tel:303-308-3282</uri></tel>
  <email><parameters><type><text>home</text></type></parameters><text>stpeter@jabber.org</text></email>
  <adr><parameters><type><text>home</text></type></parameters>
  <pobox/><ext/><street/><locality>Denver</locality><region/><code/><country>USA</country></adr><geo><uri>geo:39.59,-105.01</uri></geo>
  <impp><uri>xmpp:stpeter@jabber.org</uri></impp><categories><text>a</text><text>b</text></categories><note><text>More</text></note></vcard>`.replaceAll(
  />\s+</g,
  '><',
)

t.test('a card of vcard-temp as vCard4', async t => {
  t.equal(printAlone(toVcard4(parseElement(TEMP))), printAlone(parseElement(FOUR)))
})

t.test('a vCard4 in the form of vcard-temp', async t => {
  const expected = TEMP.replace('<MIDDLE/>', '')
    .replace('<INTERNET/>', '')
    .replace('<POSTAL/>', '')
    .replace('<MAILER>pine</MAILER>', '')
  t.equal(printAlone(toVcardTemp(parseElement(FOUR))), printAlone(parseElement(expected)))
})

t.test('what one form cannot say stays as it was there', async t => {
  const gender = '<gender><sex>M</sex></gender>'
  const before = parseElement(
    `<vcard xmlns="urn:ietf:params:xml:ns:vcard-4.0"><fn><text>Old</text></fn>${gender}</vcard>`,
  )
  t.match(printAlone(toVcard4(parseElement(TEMP), before)), gender)
  t.notMatch(printAlone(toVcard4(parseElement(TEMP), before)), 'Old')
  const temp = printAlone(toVcardTemp(parseElement(FOUR), parseElement(TEMP)))
  t.match(temp, '<MAILER>pine</MAILER>')
  t.equal(temp.match(/<FN>/g)?.length, 1)
})

t.test('addresses of other networks, and places that are none, are not taken over', async t => {
  const card = parseElement(
    '<vcard xmlns="urn:ietf:params:xml:ns:vcard-4.0"><impp><uri>sip:a@b</uri></impp><geo><uri>nowhere</uri></geo></vcard>',
  )
  t.equal(printAlone(toVcardTemp(card)), '<vCard xmlns="vcard-temp"/>')
})
