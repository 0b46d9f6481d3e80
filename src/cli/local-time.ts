/**
 * A moment (ms since 1970) for people, in the time zone of this machine: `2026-11-29 16:33`.
 * By hand: `toLocaleString` would load the data of all languages, 7 MiB that a server keeps.
 */
export function localTime(moment: number): string {
  const date = new Date(moment)
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}

function two(number: number): string {
  return String(number).padStart(2, '0')
}
