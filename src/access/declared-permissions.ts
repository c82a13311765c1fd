import type { FastifyInstance, RouteOptions } from 'fastify'
import plugin from 'fastify-plugin'
import { rolesWith } from './permissions.ts'

/** A route and what it takes: a permission of the matrix, `public` or `signed-in`. */
export interface DeclaredRoute {
  method: string
  url: string
  permission: string
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route with what it takes. */
    declaredRoutes: DeclaredRoute[]
  }
}

/** Routes that libraries register themselves: the API's documentation, and what browsers load for pages. */
const librariesRoutes = /^\/(docs|public)(\/|$)/

/**
 * A route that declares no permission, or one that the matrix doesn't have, stops the start. Registered before everything
 * that has routes, so that none escapes it.
 */
export default plugin(
  async (app: FastifyInstance) => {
    const routes: DeclaredRoute[] = []
    app.decorate('declaredRoutes', routes)
    app.addHook('onRoute', (route) => {
      const permission = declaredBy(route)
      for (const method of [route.method].flat()) routes.push({ method, url: route.url, permission })
    })
  },
  { name: 'declared-permissions' },
)

function declaredBy(route: RouteOptions): string {
  if (librariesRoutes.test(route.url)) route.config = { ...route.config, permission: 'public' }
  const permission = route.config?.permission
  if (permission === undefined) throw new Error(`${String(route.method)} ${route.url} declares no permission`)
  if (permission !== 'public' && permission !== 'signed-in') rolesWith(permission)
  return permission
}
