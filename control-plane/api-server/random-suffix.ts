import { randomInt } from 'node:crypto'

// No vowels and no digits that look like letters, as in Kubernetes: suffixes form no words.
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** Five characters that make a generated name unique. */
export function randomSuffix(): string {
  return Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join('')
}
