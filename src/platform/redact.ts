const secretName =
  /pass(word|wd|phrase|code)|secret|token|authori[sz]ation|cookie|credential|signature|(api|access|private|session|account)[-_]?key|connection[-_]?string/i

/** `tokenId` and `tokenName` say which secret, not what it is. */
const namesOnly = /([a-z](Id|Ids|Name|Count|At)|[-_](id|ids|name|count|at))$/

/** What is a secret by its form, wherever it stands. The first group, if any, stays. */
const secretForms: [RegExp, string][] = [
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]*@/gi, '$1[redacted]@'],
  [
    /((?:^|[?&#;\s,('"])[\w.-]*(?:token|password|passwd|secret|signature|credential|api_?key|access_?key)[\w.-]*=)[^\s&#;"']+/gi,
    '$1[redacted]',
  ],
  [/([?&#;](?:sig|code|auth|pwd|tempauth)=)[^\s&#;"']+/gi, '$1[redacted]'],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, '$1 [redacted]'],
  [/\bhf_[\w-]{16,}/g, '[redacted]'],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '[redacted]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[redacted]'],
]

/**
 * A copy of a value without the secrets in it: members whose names say that they hold one, and what looks like one in
 * any text (credentials in URLs, bearer tokens, our own tokens, signed links, JSON web tokens, private keys).
 */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value)
  if (Array.isArray(value)) return value.map(redact)
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, isSecret(name) ? hide(member) : redact(member)]),
  )
}

/** The same for a single text. */
export function redactText(text: string): string {
  return secretForms.reduce((redacted, [form, replacement]) => redacted.replace(form, replacement), text)
}

function isSecret(name: string): boolean {
  return secretName.test(name) && !namesOnly.test(name)
}

/** That a secret was absent, or a switch, is worth knowing. */
function hide(member: unknown): unknown {
  return member === null || member === undefined || typeof member === 'boolean' ? member : '[redacted]'
}
