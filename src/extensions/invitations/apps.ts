/** An app to recommend. */
export interface App {
  readonly name: string
  readonly link: string
}

/** Apps that are free, kept well and able to take an invitation, by what they run on. */
const APPS = {
  Android: [
    { name: 'Conversations', link: 'https://conversations.im/' },
    { name: 'Cheogram', link: 'https://cheogram.com/android' },
  ],
  'iPhone and iPad': [
    { name: 'Monal', link: 'https://monal-im.org/' },
    { name: 'Siskin IM', link: 'https://siskin.im/' },
  ],
  Mac: [
    { name: 'Monal', link: 'https://monal-im.org/' },
    { name: 'Beagle IM', link: 'https://beagle.im/' },
  ],
  Windows: [{ name: 'Gajim', link: 'https://gajim.org/' }],
  Linux: [
    { name: 'Dino', link: 'https://dino.im/' },
    { name: 'Gajim', link: 'https://gajim.org/' },
  ],
} as const satisfies Readonly<Record<string, readonly App[]>>

type Platform = keyof typeof APPS

/** How browsers name what they run on; the first that fits. */
const MARKS: readonly (readonly [mark: RegExp, platform: Platform])[] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iPhone and iPad'],
  [/Macintosh/, 'Mac'],
  [/Windows/, 'Windows'],
  [/Linux/, 'Linux'],
]

/** Apps by platform; the one that this browser runs on comes first. */
export function recommendedApps(userAgent: string): readonly (readonly [Platform, readonly App[]])[] {
  const own = MARKS.find(([mark]) => mark.test(userAgent))?.[1]
  const all = Object.entries(APPS) as [Platform, readonly App[]][]
  return all.sort(([a], [b]) => Number(b === own) - Number(a === own))
}
