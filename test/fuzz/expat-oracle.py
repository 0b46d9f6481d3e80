"""Reads documents with libexpat and says what it saw, for reader-expat.ts.

In:  per document 4 bytes of length (little endian) and the document.
Out: per document 4 bytes of length and a line of facts, then the trees of the root's children, each behind a \\x08.

XML 1.0 allows no control characters below \\x09, so these separate: \\x02 name (\\x03 attribute \\x04 value)* \\x05 content \\x07 for an
element, \\x06 before text, \\x01 between the namespace and the local name.
"""
import pyexpat
import struct
import sys

CONTENT = ('jabber:client', 'jabber:server', 'jabber:component:accept')
XML = 'http://www.w3.org/XML/1998/namespace'
STREAM = 'http://etherx.jabber.org/streams'


class Document:
    def __init__(self):
        self.out = []
        self.depth = 0
        self.deepest = self.elements = self.most_elements = self.most_attributes = self.longest_name = 0
        self.declared = 0
        self.flags = set()
        self.root = ''
        self.complete = 0
        self.in_text = False
        self.closed = False

    def name(self, full, kind):
        """'ns\\x01local' of expat's 'ns\\x01local\\x01prefix', 'ns\\x01local' or 'local'."""
        parts = full.split('\x01')
        self.longest_name = max(self.longest_name, *(len(part.encode()) for part in parts[1:] or parts))
        if len(parts) == 1:
            return '\x01' + full if kind == 'element' else full
        if parts[0] == STREAM and self.depth > 2:
            self.flags.add('stream-namespace')
        if kind == 'element' and len(parts) == 3 and parts[0] in CONTENT:
            self.flags.add('content-prefix')
        return parts[0] + '\x01' + parts[1]

    def start(self, full, attributes):
        self.depth += 1
        self.in_text = False
        depth = self.depth
        self.deepest = max(self.deepest, depth - 1)
        self.most_attributes = max(self.most_attributes, len(attributes) + self.declared)
        self.declared = 0
        self.elements = 1 if depth == 2 else self.elements + 1
        if depth > 1:
            self.most_elements = max(self.most_elements, self.elements)
        name = self.name(full, 'element')
        names = [(self.name(key, 'attribute'), value) for key, value in attributes.items()]
        if depth == 1:
            self.root = full
            for key, value in names:
                if key == XML + '\x01lang':
                    self.flags.add('lang:' + value)
            return
        if depth == 2:
            self.out.append('\x08')
            ns = name.split('\x01')[0]
            if ns in CONTENT and ns != CONTENT[0]:
                self.flags.add('other-content')
            if name == STREAM + '\x01stream':
                self.flags.add('stream-nested')
            if ns != STREAM and any(key.startswith(STREAM + '\x01') for key, _ in names):
                self.flags.add('stream-namespace')
        self.out.append('\x02' + name)
        for key, value in sorted(names):
            self.out.append('\x03' + key + '\x04' + value)
        self.out.append('\x05')

    def end(self, _):
        self.in_text = False
        if self.depth > 1:
            self.out.append('\x07')
        if self.depth == 2:
            self.complete = len(self.out)
        self.depth -= 1
        self.closed = self.depth == 0

    def text(self, data):
        if self.depth > 1:
            # Text and CDATA sections side by side are one.
            self.out.append(data if self.in_text else '\x06' + data)
            self.in_text = True
        elif data.strip(' \t\r\n') != '':
            self.flags.add('text-between')

    def note(self, what):
        if not self.closed:
            self.flags.add(what)

    def section(self):
        if self.depth == 1:
            self.flags.add('text-between')

    def declare(self, prefix, uri):
        self.declared += 1
        if prefix is not None:
            self.longest_name = max(self.longest_name, len(prefix.encode()))
        if self.depth == 0:
            self.flags.add('declares:' + (prefix or '') + '=' + (uri or ''))

    def declaration(self, version, encoding, _):
        self.flags.add('version:' + version)
        self.flags.add('encoding:' + (encoding or ''))


def read(data):
    document = Document()
    parser = pyexpat.ParserCreate(namespace_separator='\x01')
    parser.namespace_prefixes = True
    parser.buffer_text = True
    parser.StartElementHandler = document.start
    parser.EndElementHandler = document.end
    parser.CharacterDataHandler = document.text
    parser.StartCdataSectionHandler = document.section
    parser.CommentHandler = lambda _: document.note('comment')
    parser.ProcessingInstructionHandler = lambda *_: document.note('processing-instruction')
    parser.StartDoctypeDeclHandler = lambda *_: document.note('doctype')
    parser.StartNamespaceDeclHandler = document.declare
    parser.XmlDeclHandler = document.declaration
    error = ''
    try:
        parser.Parse(data, True)
    except pyexpat.ExpatError as refusal:
        # What follows the end of a stream is nobody's business.
        if not document.closed:
            error = pyexpat.ErrorString(refusal.code)
    except (LookupError, ValueError) as refusal:
        error = str(refusal)
    facts = [error, document.root, str(document.deepest), str(document.most_elements), str(document.most_attributes)]
    facts += [str(document.longest_name), *sorted(document.flags)]
    trees = document.out[:document.complete] if error else document.out
    return '\x03'.join(facts) + ''.join(trees)


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while True:
        head = source.read(4)
        if len(head) < 4:
            return
        # A batch is answered as a whole: (bytes, documents) and then the documents.
        size = struct.unpack('<I', head)[0]
        batch = source.read(size)
        answers = []
        at = 0
        while at < size:
            length = struct.unpack_from('<I', batch, at)[0]
            answer = read(batch[at + 4:at + 4 + length]).encode('utf-8', 'surrogatepass')
            answers.append(struct.pack('<I', len(answer)) + answer)
            at += 4 + length
        joined = b''.join(answers)
        sink.write(struct.pack('<I', len(joined)) + joined)
        sink.flush()


main()
