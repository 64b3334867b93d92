export const [DATA, WINDOW, PING] = [0, 1, 2]
export const [SYN, RST] = [1, 8]

/** A frame of yamux, without what it holds. */
export function frame(type: number, flags: number, stream: number, length: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(12))
  header.setUint8(1, type)
  header.setUint16(2, flags)
  header.setUint32(4, stream)
  header.setUint32(8, length)
  return new Uint8Array(header.buffer)
}
