import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import view from '@fastify/view'
import { Eta } from 'eta'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import type { Problem } from './errors.ts'

const root = join(import.meta.dirname, '../..')

declare module 'fastify' {
  interface FastifyReply {
    /** Renders `views/<template>.eta` inside the layout. `title` names the page. */
    page(template: string, data: { title: string } & Record<string, unknown>): Promise<string>
    problemPage(problem: Problem, hint: string): Promise<string>
  }
  interface FastifyInstance {
    /** Adds what every page gets as `it.<name>`, such as who is signed in. */
    addToPages(name: string, value: (request: FastifyRequest) => unknown): void
  }
}

/** Server-rendered pages (eta) and the files in `public/`. */
export default plugin(
  async (app: FastifyInstance) => {
    const everyPage = new Map<string, (request: FastifyRequest) => unknown>()
    app.decorate('addToPages', (name, value) => void everyPage.set(name, value))
    await app.register(view, {
      engine: { eta: new Eta({ views: join(root, 'views') }) },
      root: join(root, 'views'),
    })
    await app.register(fastifyStatic, {
      root: join(root, 'public'),
      prefix: '/public/',
      decorateReply: false,
      cacheControl: true,
      maxAge: '1h',
    })

    app.decorateReply('page', async function (this: FastifyReply, template, data) {
      const shared = Object.fromEntries([...everyPage].map(([name, value]) => [name, value(this.request)]))
      this.type('text/html; charset=utf-8')
      return this.viewAsync(template, {
        ...shared,
        path: this.request.url,
        requestId: this.request.id,
        ...data,
      })
    })
    app.decorateReply('problemPage', async function (this: FastifyReply, problem, hint) {
      return this.page('problem', { title: problem.title, problem, hint })
    })
  },
  { name: 'views' },
)
