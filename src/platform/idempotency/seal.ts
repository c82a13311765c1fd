import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'

/**
 * Keeps what is stored about a request from whoever reads our database. An answer may hold a secret that is shown once (a
 * new API token), and a body a password, so both are sealed under a key made of the idempotency key and, if there is one,
 * the caller's API token. We store neither, only digests.
 */
export interface Seal {
  /** The primary key of the row. */
  id: string
  digest(body: Buffer): string
  close(answer: object): Buffer
  open(sealed: Uint8Array): unknown
}

/**
 * @param scope who asks for what under which key
 * @param secrets what only the caller can show again
 */
export function createSeal(scope: string[], secrets: string[]): Seal {
  const id = createHash('sha256').update(JSON.stringify(scope)).digest('hex')
  const key = Buffer.from(hkdfSync('sha256', JSON.stringify(secrets), id, 'holdfast idempotency', 32))
  return {
    id,
    digest: (body) => createHmac('sha256', key).update(body).digest('hex'),
    close: (answer) => encrypt(key, Buffer.from(JSON.stringify(answer))),
    open: (sealed) => JSON.parse(decrypt(key, Buffer.from(sealed)).toString()),
  }
}

/** AES-256-GCM: nonce (12 bytes), tag (16 bytes), text. */
function encrypt(key: Buffer, text: Buffer): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const sealed = [cipher.update(text), cipher.final()]
  return Buffer.concat([nonce, cipher.getAuthTag(), ...sealed])
}

function decrypt(key: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
  decipher.setAuthTag(sealed.subarray(12, 28))
  return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()])
}
