/** How options of `tallystick init` become fields of a network document. */

/** Fields of a section that is being made, which has not been held against the schema yet. */
export type Fields = Readonly<Record<string, unknown>>

/** Sets the field that its flag is named after. Without a value it has `no` in front, and sets it to false. */
export interface InitOption {
  readonly flags: string
  readonly description: string
  readonly value?: OptionValue
}

type OptionValue =
  | { readonly kind: 'whole'; readonly least: number; readonly most?: number }
  | { readonly kind: 'text'; readonly pattern: RegExp; readonly what: string }
  /** A u64 in decimal digits. */
  | { readonly kind: 'units' }
  /** PEERID=AMOUNT; may be given more than once. */
  | { readonly kind: 'grants' }
  /** The path of a file with a JSON object, which stands for it. */
  | { readonly kind: 'file' }

/** What an account has at first. */
export interface Grant {
  readonly to: string
  readonly amount: string
}

/** Thrown where options do not go together, with a sentence that says why. */
export class InvalidOption extends Error {
  override name = 'InvalidOption'
}
