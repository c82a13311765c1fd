import type { Cleanup, CleanupOrigin } from './cleanup.ts'

/** Where the page of what planned a cleanup is; null when it can't be told. */
type Finder = (cleanup: Cleanup) => Promise<string | null>

declare module 'fastify' {
  interface FastifyInstance {
    /** Features that plan cleanups say here where people find what it was: higher ones that this one can't ask. */
    cleanupOrigins: Map<CleanupOrigin, Finder>
  }
}

export function createOrigins(): Map<CleanupOrigin, Finder> {
  return new Map([['retention', async ({ dataset }: Cleanup) => `/retention/${encodeURIComponent(dataset)}`]])
}
