/**
 * The type of what nothing fits, named by a sentence that says why. `tsc` then reports
 *
 *   Type 'string' is not assignable to type 'Refused<"a stored view has no hop">'.
 *
 * Rejected: the sentence itself as a literal type, since editors then offer it as a value; `never`, since it does not
 * say what is wrong.
 */
declare const refused: unique symbol;

export interface Refused<Sentence extends string> {
  /** No value has this property. */
  readonly [refused]: Sentence;
}

/**
 * Named things as they are, or, where some are at fault, with those refused.
 *
 * Faults  for each name the sentence that says what is wrong with it; never: nothing
 */
export type Checked<Of, Faults extends Readonly<Record<keyof Of, string>>> = [keyof Of] extends [never]
  ? Refused<'at least one is needed'>
  : [Faults[keyof Of]] extends [never]
    ? Of
    : { readonly [Name in keyof Of]: [Faults[Name]] extends [never] ? Of[Name] : Refused<Faults[Name]> };
