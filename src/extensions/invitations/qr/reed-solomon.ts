/** Error correction of QR codes: ISO/IEC 18004 clause 7.5, Reed-Solomon codes over GF(256). */

/** x^8 + x^4 + x^3 + x^2 + 1, which makes a field of bytes. */
const FIELD = 0x11d

/** The bytes that let a reader mend `data`, so many of them. */
export function correctionOf(data: readonly number[], count: number): number[] {
  const divisor = generator(count)
  const rest = [...data, ...new Array<number>(count).fill(0)]
  for (let i = 0; i < data.length; i++) {
    const factor = rest[i]!
    for (const [k, coefficient] of divisor.entries()) rest[i + k]! ^= multiply(coefficient, factor)
  }
  return rest.slice(data.length)
}

/** (x - 1)(x - 2)(x - 4)... with so many factors: its coefficients, the highest first. */
function generator(degree: number): number[] {
  let coefficients = [1]
  let root = 1
  for (let i = 0; i < degree; i++) {
    const before = coefficients
    coefficients = [...before, 0].map((one, k) => one ^ multiply(before[k - 1] ?? 0, root))
    root = multiply(root, 2)
  }
  return coefficients
}

function multiply(a: number, b: number): number {
  let product = 0
  for (let bit = 0x80; bit > 0; bit >>= 1) {
    product <<= 1
    if (product & 0x100) product ^= FIELD
    if (b & bit) product ^= a
  }
  return product
}
