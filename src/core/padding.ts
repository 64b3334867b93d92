/** A byte 0x80, then zeros up to the next multiple of `step` (ISO/IEC 7816-4). */
export function pad(plaintext: Uint8Array, step: number): Uint8Array {
  const padded = new Uint8Array(Math.ceil((plaintext.length + 1) / step) * step)
  padded.set(plaintext)
  padded[plaintext.length] = 0x80
  return padded
}

/** Undefined where it does not end so. */
export function unpad(padded: Uint8Array, step: number): Uint8Array | undefined {
  let end = padded.length - 1
  while (end >= 0 && padded[end] === 0) end -= 1
  const isPadding = end >= 0 && end >= padded.length - step && padded[end] === 0x80
  return isPadding ? padded.subarray(0, end) : undefined
}
