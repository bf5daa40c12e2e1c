// Walks along the text of a template.

import { TemplateError } from './nodes.ts'

/** A place in a template that moves forward. */
export class Scanner {
  readonly template: string
  at = 0

  constructor(template: string) {
    this.template = template
  }

  get isAtEnd(): boolean {
    return this.at >= this.template.length
  }

  /** True if the text from here begins so. */
  sees(text: string): boolean {
    return this.template.startsWith(text, this.at)
  }

  /** Moves behind the text if it is what follows. */
  take(text: string): boolean {
    const isThere = this.sees(text)
    if (isThere) this.at += text.length
    return isThere
  }

  /** Moves behind what the pattern, which has to be sticky, finds here; undefined if it finds nothing. */
  takeMatch(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const [text] = pattern.exec(this.template) ?? []
    this.at += text?.length ?? 0
    return text
  }

  /** Always throws, naming this place or an earlier one. */
  fail(reason: string, at: number = this.at): never {
    throw new TemplateError(this.template, at, reason)
  }
}
