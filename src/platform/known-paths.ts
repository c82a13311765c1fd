import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** The methods that a path takes, sorted; none when there is no such path. @param path without the query */
    methodsOf(path: string): string[]
  }
}

/** Remembers every route's path, so that a known path with another method is told from an unknown one (405, not 404). */
export default plugin(
  async (app: FastifyInstance) => {
    const paths = new Map<string, { pattern: RegExp; methods: Set<string> }>()
    app.addHook('onRoute', ({ url, method }) => {
      const path = paths.get(url) ?? { pattern: patternOf(url), methods: new Set() }
      for (const one of [method].flat()) path.methods.add(one)
      paths.set(url, path)
    })
    app.decorate('methodsOf', (path) => {
      const known = [...paths.values()].filter(({ pattern }) => pattern.test(path))
      return [...new Set(known.flatMap(({ methods }) => [...methods]))].sort()
    })
  },
  { name: 'known-paths' },
)

function patternOf(url: string): RegExp {
  const parts = url.split(/(:\w+|\*)/).map((part) => {
    if (part === '*') return '.*'
    return part.startsWith(':') ? '[^/]+' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${parts.join('')}$`)
}
