// What nftables' expressions evaluate to.

/** Of concatenations, a list. */
export type Value = string | number | readonly Value[]

/** The rule is about another kind of packet: it does not match, and that is no secret. */
export const other = Symbol('other kind of packet')

/** An expression that is not known here. */
export class CannotEvaluate extends Error {}
