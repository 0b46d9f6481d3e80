/** Tells in one line each what passes a host: addresses, kinds and names of children. Never what a message says. */

import { type StageContext, stage } from '../../src/core/extension.ts'
import type { Host } from '../../src/core/host.ts'
import type { Interest, StageRegistration } from '../../src/core/stage.ts'
import type { Stanza } from '../../src/xml/stanza.ts'

const KINDS = ['message', 'presence', 'iq'] as const

/** Adds the trace to a host; `write` gets each line. */
export function trace(host: Host, write: (line: string) => void): void {
  const stages: StageRegistration[] = []
  for (const kind of KINDS) {
    const sent: Interest = { kind, side: 'sender' }
    stages.push(stage('guard', sent, stanza => void write(`${arrow(stanza)}  ${summary(stanza)}`)))
    const received: Interest = { kind, side: 'recipient' }
    stages.push(
      stage('outcome', received, (stanza, at, { sent }) => {
        const to = sent.map(session => session.jid.toString()).join(', ')
        write(`  ${describe(stanza, at)} ${to === '' ? 'found nobody' : `went to ${to}`}`)
      }),
    )
  }
  host.hooks.add('trace', { stages })
}

function arrow({ from, to }: Stanza): string {
  return `${from} -> ${to ?? '(no to)'}`
}

function describe({ kind, type, id }: Stanza, { owner }: StageContext): string {
  return `${[kind, type, id].filter(Boolean).join(' ')} for ${owner}`
}

/** `message chat id=a1: body, active`. */
function summary(stanza: Stanza): string {
  const words = [stanza.kind, stanza.type, stanza.id && `id=${stanza.id}`].filter(Boolean).join(' ')
  const children = stanza.children().map(child => child.name)
  return children.length === 0 ? words : `${words}: ${children.join(', ')}`
}
