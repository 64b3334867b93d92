/** What is wrong with a block or a log that someone shows. */
export type FaultKind =
  | 'encoding'
  | 'genesis'
  | 'network'
  | 'height'
  | 'parent'
  | 'time'
  /** Of a time that has not come yet: it may be valid later. */
  | 'future'
  | 'count'
  | 'size'
  | 'root'
  | 'log'
  | 'state'
  | 'producer'
  | 'signature'
  | 'checkpoint'
  | 'proof'
  | 'message'
  | 'duplicate'
  | 'missing'
  | 'index'

export interface Fault {
  readonly kind: FaultKind
  readonly detail: string
  readonly height?: number
  readonly position?: number
}

/** Whether time mends it. */
export function isPassingFault({ kind }: Fault): boolean {
  return kind === 'future'
}

export function describeFault(fault: Fault): string {
  const where = [
    fault.height === undefined ? [] : [`block ${fault.height}`],
    fault.position === undefined ? [] : [`position ${fault.position}`]
  ].flat()
  return `${where.length > 0 ? `${where.join(', ')}: ` : ''}${fault.kind}: ${fault.detail}`
}
