import { join } from 'node:path'
import view from '@fastify/view'
import { Eta } from 'eta'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { serveAssets } from './assets.ts'
import { components } from './components.ts'
import type { Problem } from './errors.ts'
import { withFormKeys } from './form-keys.ts'
import { dropEmptyFields, formAgain } from './forms.ts'
import { printed } from './markup.ts'
import { problemData } from './problem-data.ts'
import shortcuts, { hasShortcuts } from './shortcuts.ts'
import theme, { chosenTheme } from './theme.ts'
import { staleProblems } from './unchanged.ts'

const root = join(import.meta.dirname, '../../views')
const noticeCookie = 'holdfast_notice'

/** A place in the navigation, under one of its headings. */
export interface NavigationEntry {
  group: 'Overview' | 'Data' | 'Upkeep' | 'Record' | 'Administration'
  label: string
  path: string
  /** An id in public/icons.svg. */
  icon: string
  /** After `g` this letter goes there. */
  key?: string
  /** What one must be allowed to do to see it; every signed-in user when left out. */
  permission?: string
}

type PagePart = (request: FastifyRequest, data: PageData) => unknown

interface PageData extends Record<string, unknown> {
  title: string
  /** What the page is about, as the audit log names it: its latest entries stand below (src/audit/trail.ts). */
  entity?: { type: string; id: string }
}

declare module 'fastify' {
  interface FastifyReply {
    /** Renders `views/<template>.eta` inside the layout. `title` names the page. */
    page(template: string, data: PageData): Promise<string>
    problemPage(problem: Problem, hint: string): Promise<string>
    /** Answers a form that did its work: 303 to a page of ours, which says `notice` once. */
    leadTo(path: string, notice?: string): FastifyReply
  }
  interface FastifyInstance {
    /**
     * Adds what every page gets as `it.<name>`, such as who is signed in.
     * @param value is told what the page itself is given
     */
    addToPages(name: string, value: PagePart): void
    /** Adds an entry to every page's navigation; within its group in the order of the calls. */
    addNavigation(entry: NavigationEntry): void
  }
}

/** Server-rendered pages (eta) and the files that browsers need for them. */
export default plugin(
  async (app: FastifyInstance) => {
    app.addProblems(staleProblems)
    const everyPage = new Map<string, PagePart>()
    const navigation: NavigationEntry[] = []
    app.decorate('addToPages', (name, value) => void everyPage.set(name, value))
    app.decorate('addNavigation', (entry) => void navigation.push(entry))
    const ui = components(await serveAssets(app))
    await app.register(view, {
      engine: {
        eta: new Eta({ views: root, escapeFunction: printed, functionHeader: 'const { ui } = it;' }),
      },
      root,
      production: true,
      defaultContext: { ui, navigation, can: () => true, user: null, version: app.config.version },
    })
    await app.register(theme)
    await app.register(shortcuts)

    app.decorateReply('page', async function (this: FastifyReply, template, data) {
      const { request } = this
      const parts = [...everyPage].map(async ([name, value]) => [name, await value(request, data)])
      const shared = Object.fromEntries(await Promise.all(parts)) as object
      this.type('text/html; charset=utf-8').header('cache-control', 'private, no-cache')
      const page = await this.viewAsync(template, {
        ...shared,
        url: request.url,
        path: request.url.split('?', 1)[0],
        requestId: request.id,
        theme: chosenTheme(request),
        keys: hasShortcuts(request),
        notice: takeNotice(this),
        now: app.clock.now(),
        ...data,
      })
      return withFormKeys(page)
    })
    app.decorateRequest('showAgain', null)
    app.addHook('preValidation', dropEmptyFields)
    app.decorateReply('problemPage', async function (this: FastifyReply, problem, hint) {
      const { request } = this
      return (await formAgain(request, problem)) ?? this.page('problem', problemData(request, problem, hint))
    })
    app.decorateReply('leadTo', function (this: FastifyReply, path, notice) {
      if (notice !== undefined) this.setCookie(noticeCookie, notice, { ...cookie, maxAge: 60 })
      return this.redirect(path, 303)
    })
  },
  { name: 'views', dependencies: ['@fastify/cookie'] },
)

const cookie = { path: '/', httpOnly: true, sameSite: 'lax' } as const

function takeNotice(reply: FastifyReply): string | null {
  const notice = reply.request.cookies[noticeCookie]
  if (notice === undefined) return null
  reply.clearCookie(noticeCookie, cookie)
  return notice
}
