/**
 * `npm run citations`: checks the citations of RFCs and XEPs in comments and dialogues.
 * `npm run citations -- RFC 6120 §4.9.3`: prints the lines that cite this section or a part of it.
 */
import { missingCitations, scanProject } from './citations/check.ts'
import { locatedExtensions } from './extensions.ts'

const wanted = process.argv.slice(2).join(' ')
const { citations, problems } = scanProject()

if (wanted !== '') {
  const [, spec, section] = /^((?:RFC \d+)|(?:XEP-\d{4}))(?: §(\S+))?$/.exec(wanted) ?? []
  if (spec === undefined) throw new Error(`"${wanted}" is not of the form "RFC 6120 §4.9.3" or "XEP-0198"`)
  for (const one of citations)
    if (one.spec === spec && (section === undefined || `${one.section}.`.startsWith(`${section}.`)))
      console.log(
        `${one.file}:${one.line}: ${one.spec}${one.section === undefined ? '' : ` §${one.section}`}`,
      )
} else {
  const all = [...problems, ...missingCitations(locatedExtensions(), citations)]
  for (const { file, line, text } of all) console.error(`${file}:${line}: ${text}`)
  const specs = new Set(citations.map(one => one.spec)).size
  console.log(`citations: ${citations.length} of ${specs} specifications, ${all.length} wrong`)
  process.exitCode = all.length === 0 && citations.length > 0 ? 0 : 1
}
