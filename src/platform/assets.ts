import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { compressOnce } from './compress-once.ts'

/** Where browsers' files lie: our own, and htmx with its extensions as npm installed them. */
const roots = [
  join(import.meta.dirname, '../../public'),
  dirname(fileURLToPath(import.meta.resolve('htmx.org'))),
]

/**
 * Serves those files under a path that changes with their content, so that browsers may keep them for ever, compressed where
 * the browser takes that.
 * @returns that path, without a slash at its end
 */
export async function serveAssets(app: FastifyInstance): Promise<string> {
  const path = `/public/${digest()}`
  await app.register(async (files) => {
    compressOnce(files)
    await files.register(fastifyStatic, {
      root: roots,
      prefix: `${path}/`,
      decorateReply: false,
      immutable: true,
      maxAge: '365d',
    })
  })
  return path
}

function digest(): string {
  const hash = createHash('sha256')
  for (const root of roots) {
    for (const file of globSync('**/*.{css,js,svg}', { cwd: root }).sort()) {
      hash.update(file).update(readFileSync(join(root, file)))
    }
  }
  return hash.digest('hex').slice(0, 12)
}
