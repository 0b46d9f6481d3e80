/** Methods of Node's Buffer that its types leave out: `toString` and `write` of one encoding, without the look-up of its name. */
interface Buffer {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  latin1Write(text: string, at: number): number
  utf8Write(text: string, at: number): number
}
