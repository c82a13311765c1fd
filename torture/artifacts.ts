import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { unzstd } from '../test/snapshots/zstd.ts'

/** Every file below a folder, by its path there; none when there is no such folder. */
export async function filesBelow(folder: string, suffix = ''): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith(suffix)) continue
    const path = join(entry.parentPath, entry.name)
    found.set(relative(folder, path).slice(0, suffix.length === 0 ? undefined : -suffix.length), path)
  }
  return found
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** An artifact as Node's own zstd and SHA-256 see it. */
export interface ReadArtifact {
  sha256: string
  records: Record<string, unknown>[]
}

/** @returns null when it can't be read to its end as the JSON that it should be */
export function parseArtifact(stored: Buffer): ReadArtifact | null {
  try {
    const bytes = unzstd(stored)
    const { records } = JSON.parse(bytes.toString()) as { records: Record<string, unknown>[] }
    return { sha256: sha256(bytes), records }
  } catch {
    return null
  }
}

/** A record of the accounts' artifact as the line that `recordsOf` makes of it in the source. */
export function lineOf(record: Record<string, unknown>): string {
  const entries = record['entries'] as { id: string; amount: string; note: string | null }[]
  const sorted = entries.toSorted((a, b) => Number(a.id) - Number(b.id))
  return `${String(record['owner'])} ${sorted.map((e) => `${e.id}:${e.amount}:${e.note ?? ''}`).join(',')}`
}
