import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'

/** A document's file, as the archive had it. */
export interface DocumentFile {
  /** Its key in the bucket. */
  key: string
  bytes: Buffer
}

/** The file of each document that the tables have, of exactly the size that they say. */
export async function* documentFiles(client: ClientBase): AsyncGenerator<DocumentFile> {
  let after = ''
  for (;;) {
    const { rows } = await client.query<{ key: string; name: string; size: string }>(
      `SELECT storage_key AS key, file_name AS name, size_bytes AS size FROM legacy_import.documents
       WHERE storage_key > $1 ORDER BY storage_key LIMIT 1000`,
      [after],
    )
    for (const { key, name, size } of rows) yield { key, bytes: contentOf(key, name, Number(size)) }
    if (rows.length < 1000) return
    after = rows.at(-1)!.key
  }
}

/** Text that says which document it stands for: no two files are alike. */
function contentOf(key: string, name: string, size: number): Buffer {
  const line = Buffer.from(`${name} – ${createHash('sha256').update(key).digest('hex')}\n`)
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += line.length) line.copy(bytes, at)
  return bytes
}
