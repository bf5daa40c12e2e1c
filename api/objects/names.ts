// The rules for names, in Kubernetes' own words. Each function returns why the text is refused, or undefined if it is fine.
// Rules: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain = `${label}(\\.${label})*`
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const qualified = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const labelValue = `(${qualified})?`
const configKey = '[-._a-zA-Z0-9]+'

const labelPattern = new RegExp(`^${label}$`)
const subdomainPattern = new RegExp(`^${subdomain}$`)
const label1035Pattern = new RegExp(`^${label1035}$`)
const qualifiedPattern = new RegExp(`^${qualified}$`)
const labelValuePattern = new RegExp(`^${labelValue}$`)
const configKeyPattern = new RegExp(`^${configKey}$`)

const atMost = (count: number) => `must be no more than ${count} bytes`
const shaped = (rule: string, examples: string[], regex: string) =>
  `${rule} (e.g. ${examples.map((example) => `'${example}'`).join(',  or ')}, regex used for validation is '${regex}')`

/** DNS-1123 label: names of namespaces, containers, volumes. */
export function whyNotDnsLabel(text: string): string | undefined {
  if (text.length > 63) return atMost(63)
  if (labelPattern.test(text)) return undefined
  return shaped(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    ['my-name', '123-abc'],
    label,
  )
}

/** DNS-1123 subdomain: names of most objects. */
export function whyNotDnsSubdomain(text: string): string | undefined {
  if (text.length > 253) return atMost(253)
  if (subdomainPattern.test(text)) return undefined
  return shaped(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    ['example.com'],
    subdomain,
  )
}

/** DNS-1035 label: names of Services. */
export function whyNotDns1035Label(text: string): string | undefined {
  if (text.length > 63) return atMost(63)
  if (label1035Pattern.test(text)) return undefined
  return shaped(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    ['my-name', 'abc-123'],
    label1035,
  )
}

/** A name with an optional DNS prefix: keys of labels and annotations, finalizers, resource names. */
export function whyNotQualifiedName(text: string): string | undefined {
  const parts = text.split('/')
  const name = parts.at(-1) ?? ''
  if (parts.length > 2) {
    return "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character, with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
  }
  if (parts.length === 2) {
    if (parts[0] === '') return 'prefix part must be non-empty'
    const why = whyNotDnsSubdomain(parts[0] ?? '')
    if (why !== undefined) return `prefix part ${why}`
  }
  return whyNotNamePart(name)
}

function whyNotNamePart(name: string): string | undefined {
  if (name === '') return 'name part must be non-empty'
  if (name.length > 63) return `name part ${atMost(63)}`
  if (qualifiedPattern.test(name)) return undefined
  return shaped(
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    ['MyName', 'my.name', '123-abc'],
    qualified,
  )
}

/** Values of labels; may be empty. */
export function whyNotLabelValue(text: string): string | undefined {
  if (text.length > 63) return atMost(63)
  if (labelValuePattern.test(text)) return undefined
  return shaped(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    ['MyValue', 'my_value', '12345'],
    labelValue,
  )
}

/** Names of environment variables, by the relaxed rule of Kubernetes 1.34. */
export function whyNotEnvName(text: string): string | undefined {
  if (text === '') return 'environment variable name must not be empty'
  if (!/[^\x20-\x7e]|=/.test(text)) return undefined
  return "a valid environment variable name must consist only of printable ASCII characters other than '='"
}

/** Names of ports (IANA service names). */
export function whyNotPortName(text: string): string | undefined {
  if (text.length > 15) return 'must be no more than 15 characters'
  if (!/^[-a-z0-9]+$/.test(text)) return 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'
  if (!/[a-z]/.test(text)) return 'must contain at least one letter (a-z)'
  if (text.includes('--')) return 'must not contain consecutive hyphens'
  if (text.startsWith('-') || text.endsWith('-')) return 'must not begin or end with a hyphen'
  return undefined
}

/** Keys of ConfigMaps and Secrets, which become file names. */
export function whyNotConfigKey(text: string): string | undefined {
  if (text.length > 253) return atMost(253)
  if (!configKeyPattern.test(text)) {
    const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
    return shaped(rule, ['key.name', 'KEY_NAME', 'key-name'], configKey)
  }
  if (text === '.' || text === '..') return `must not be '${text}'`
  return text.startsWith('..') ? "must not start with '..'" : undefined
}

/** Names that become one segment of a URL path: the least that every object name must obey. */
export function whyNotPathSegment(text: string): string | undefined {
  if (text === '.' || text === '..') return `may not be '${text}'`
  const bad = ['/', '%'].find((character) => text.includes(character))
  return bad === undefined ? undefined : `may not contain '${bad}'`
}
