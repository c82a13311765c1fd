import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from './config.ts'

/** Enciphers what has to lie in the database for a while and must be read by nobody who has only that. */
export interface Sealer {
  /** @param about what the secret belongs to: it can be opened only for the same */
  seal(secret: string, about: string): Promise<string>
  /** @returns null when it was sealed with another key, or altered */
  open(sealed: string, about: string): Promise<string | null>
}

const algorithm = 'aes-256-gcm'

/**
 * AES-256-GCM under a key from HOLDFAST_SECRET; without one, from a file in the home that is made at the first use and
 * that only its owner may read. Several replicas have to have the same.
 */
export function createSealer({ secret, home }: Pick<Config, 'secret' | 'home'>): Sealer {
  let known: Promise<Buffer> | null = null
  const keyOf = () => (known ??= deriveKey(secret, home))
  return {
    async seal(text, about) {
      const key = await keyOf()
      const nonce = randomBytes(12)
      const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(about))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return [
        nameOf(key),
        ...[nonce, cipher.getAuthTag(), body].map((part) => part.toString('base64url')),
      ].join('.')
    },
    async open(sealed, about) {
      const key = await keyOf()
      const [name, ...parts] = sealed.split('.')
      if (name !== nameOf(key)) return null
      const [nonce, tag, body] = parts.map((part) => Buffer.from(part, 'base64url'))
      try {
        const decipher = createDecipheriv(algorithm, key, nonce!).setAAD(Buffer.from(about))
        decipher.setAuthTag(tag!)
        return Buffer.concat([decipher.update(body!), decipher.final()]).toString('utf8')
      } catch {
        return null
      }
    },
  }
}

async function deriveKey(secret: string | null, home: string): Promise<Buffer> {
  const material = secret ?? (await readOrMake(home))
  return Buffer.from(hkdfSync('sha256', material, '', 'holdfast sealing', 32))
}

/** Of two processes that start at once one makes the file, whole from the first moment, and the other reads it. */
async function readOrMake(home: string): Promise<string> {
  const path = join(home, 'secret')
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  await mkdir(home, { recursive: true })
  try {
    await writeFile(draft, `${randomBytes(32).toString('hex')}\n`, { flag: 'wx', mode: 0o600 })
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
  return (await readFile(path, 'utf8')).trim()
}

/** Tells keys apart and says nothing of them. */
function nameOf(key: Buffer): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 8)
}
