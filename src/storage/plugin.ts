import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { ConfigError } from '../platform/config.ts'
import { Problem } from '../platform/errors.ts'
import { storageProblems } from './errors.ts'
import { openStore } from './open-store.ts'
import type { Store } from './store.ts'

/** The stores of the configuration. */
export interface Stores {
  /** Where artifacts live. */
  main: Store
  /** A store of the application's own files. @throws Problem STORE_UNKNOWN */
  get(name: string): Store
}

declare module 'fastify' {
  interface FastifyInstance {
    stores: Stores
  }
}

/** Opens the stores and has `/readyz` ask each of them. */
export default plugin(
  async (app: FastifyInstance) => {
    const { home, storeUrl, fileStores } = app.config
    await createDefaultFolder(home, storeUrl)
    const main = open('HOLDFAST_STORE_URL', storeUrl)
    const named = new Map<string, Store>()
    for (const [name, url] of Object.entries(fileStores)) {
      named.set(name, open(`HOLDFAST_STORE_${name.toUpperCase()}_URL`, url))
    }
    app.addProblems(storageProblems)
    app.decorate('stores', { main, get: (name: string) => named.get(name) ?? unknown(name) })
    app.addReadinessCheck('store', () => main.check())
    for (const [name, store] of named) app.addReadinessCheck(`store ${name}`, () => store.check())
  },
  { name: 'storage', dependencies: ['problem-answers', 'health'] },
)

/** Only the folder that nobody chose is made: another that is missing may be a disk that isn't mounted. */
async function createDefaultFolder(home: string, storeUrl: string): Promise<void> {
  const folder = join(home, 'store')
  if (storeUrl !== `file:${folder}`) return
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`HOLDFAST_HOME: ${folder} cannot be made (${error.code})`)
  })
}

function open(variable: string, url: string): Store {
  try {
    return openStore(url)
  } catch (error) {
    if (error instanceof Problem) throw new ConfigError(`${variable}: ${error.message}`)
    throw error
  }
}

function unknown(name: string): never {
  throw storageProblems.STORE_UNKNOWN(`No store is configured as "${name}".`)
}
