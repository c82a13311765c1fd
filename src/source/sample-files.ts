import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { documentFiles } from '../../examples/legacy-import/files.ts'

/**
 * Writes the files of the sample's documents into a folder, unless it is there already. It appears when it is whole.
 * @returns false when it was there
 */
export async function createSampleFiles(url: string, folder: string): Promise<boolean> {
  if (await exists(folder)) return false
  const draft = `${folder}.draft`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { recursive: true })
  const client = new pg.Client({ connectionString: url, application_name: 'holdfast sample' })
  await client.connect()
  try {
    const made = new Set<string>()
    for await (const { key, bytes } of documentFiles(client)) {
      const path = join(draft, key)
      if (!made.has(dirname(path))) await mkdir(dirname(path), { recursive: true })
      made.add(dirname(path))
      await writeFile(path, bytes)
    }
  } finally {
    await client.end()
  }
  await rename(draft, folder)
  return true
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
