/** The way to a value in a dataset file: keys and list positions. */
export type Path = readonly (string | number)[]

/** One thing that is wrong with a dataset file. */
export interface DatasetProblem {
  /** The file's name, without its folder. */
  file: string
  /** From 1. */
  line: number
  /** As people write it: `records.children[0].key`; empty for the file as a whole. */
  path: string
  /** What is wrong, what was expected, and how to mend it. */
  detail: string
}

/** Notes a problem at a place of the file being looked at. */
export type Note = (path: Path, detail: string) => void

/** `['children', 0, 'key']` as `children[0].key`. */
export function printPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? part : `${text}.${part}`
  }, '')
}

/** `chat.yaml:12: records.key: …`, as compilers print it. */
export function printProblem({ file, line, path, detail }: DatasetProblem): string {
  return `${file}:${line}: ${path === '' ? '' : `${path}: `}${detail}`
}

/**
 * The names most like the one that wasn't found, for "did you mean".
 * @returns at most three, best first, none that differ in more than a third of the name
 */
export function nearest(wanted: string, names: Iterable<string>): string[] {
  const limit = Math.max(2, Math.ceil(wanted.length / 3))
  const ranked = [...names]
    .filter((name) => Math.abs(name.length - wanted.length) <= limit)
    .map((name) => ({ name, distance: distance(wanted.toLowerCase(), name.toLowerCase()) }))
    .filter((candidate) => candidate.distance <= limit)
  return ranked
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name)
}

/** `: did you mean "a" or "b"?`, or nothing when there is nothing alike. */
export function didYouMean(wanted: string, names: Iterable<string>): string {
  const found = nearest(wanted, names)
  return found.length === 0 ? '' : `; did you mean ${found.map((name) => `"${name}"`).join(' or ')}?`
}

/** Edit distance (Levenshtein). */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1]! + Number(a[i - 1] !== b[j - 1])
      current.push(Math.min(substituted, previous[j]! + 1, current[j - 1]! + 1))
    }
    previous = current
  }
  return previous[b.length]!
}
