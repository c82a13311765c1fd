/** What a kind of destination takes as names. */
export interface NameRules {
  /** Characters that no name may have. */
  forbidden: RegExp
  /** What a name must not begin or end with. */
  edges: RegExp
  /** Names that mean something else there. */
  reserved: RegExp
  longestName: number
  longestPath: number
  /** How long a text is, as the destination counts. */
  lengthOf(text: string): number
}

const controls = '\\u0000-\\u001f\\u007f\\ufffe\\uffff'

/** Folders and buckets: what src/storage takes as a key, and Linux as a file's name. */
export const storeNames: NameRules = {
  forbidden: new RegExp(`[/\\\\${controls}]`, 'g'),
  edges: /^\s+|\s+$/g,
  reserved: /^(\.{1,2}|\.holdfast)$/,
  longestName: 255,
  longestPath: 900,
  lengthOf: (text) => Buffer.byteLength(text),
}

/**
 * OneDrive for work, school and home. https://learn.microsoft.com/graph/onedrive-addressing-driveitems (reserved
 * characters) and "Restrictions and limitations in OneDrive and SharePoint" at support.microsoft.com (names, 400
 * characters for the whole path). Names that Windows keeps for devices can't be synchronized, whatever their extension.
 */
export const oneDriveNames: NameRules = {
  forbidden: new RegExp(`["*:<>?/\\\\|#%${controls}]`, 'g'),
  edges: /^[\s~]+|[\s.]+$/g,
  reserved: /^(\.lock|desktop\.ini|forms|.*_vti_.*|\.{1,2}|(con|prn|aux|nul|com\d|lpt\d)(\..*)?)$/i,
  longestName: 255,
  longestPath: 400,
  lengthOf: (text) => text.length,
}

/** A file's or folder's name that the destination takes and that still reads like what it was; never empty. */
export function safeName(text: string, rules: NameRules): string {
  const clean = text.toWellFormed().normalize('NFC').replace(rules.forbidden, '_').replace(rules.edges, '')
  const named = clean === '' ? '_' : clean
  // No reserved name is a prefix of itself with a line before it, save those that have _vti_ inside.
  const free = rules.reserved.test(named) ? `_${named.replace(/_vti_/gi, '-vti-')}` : named
  return shortened(free, rules.longestName, rules)
}

/**
 * The path of a file at the destination: safe names, `/` between them, no longer than the destination takes.
 * @param folders from the outermost in; @param n 1 for the first of its name, then ` (2)` and so on
 */
export function safePath(folders: string[], name: string, n: number, rules: NameRules): string {
  const above = folders.map((folder) => `${safeName(folder, rules)}/`).join('')
  const room = Math.max(32, rules.longestPath - rules.lengthOf(above))
  const suffix = n === 1 ? '' : ` (${n})`
  const longest = Math.min(room, rules.longestName) - suffix.length
  const [stem, extension] = splitExtension(shortened(safeName(name, rules), longest, rules))
  return `${above}${stem}${suffix}${extension}`
}

/** Whether two paths would be the same file where letters' case doesn't count. */
export function foldPath(path: string): string {
  return path.toUpperCase().toLowerCase()
}

/** Cuts a name before its extension. */
function shortened(name: string, longest: number, { lengthOf, edges }: NameRules): string {
  if (lengthOf(name) <= longest) return name
  const [stem, extension] = splitExtension(name)
  const characters = [...stem]
  while (characters.length > 1 && lengthOf(characters.join('') + extension) > longest) characters.pop()
  return `${characters.join('').replace(edges, '') || '_'}${extension}`
}

/** What looks like an extension; a name that starts with its only dot has none. */
function splitExtension(name: string): [stem: string, extension: string] {
  const [, stem, extension] = /^(.+)(\.[^.\s]{1,16})$/su.exec(name) ?? []
  return stem === undefined ? [name, ''] : [stem, extension!]
}
