import { Writable } from 'node:stream'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { testApp } from '../support/app.ts'
import { cookieOf } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const origin = 'http://127.0.0.1:3000'
const bootstrap = 'c4n4ry-bootstrap-c4n4ry-bootstrap'
const first = 'c4n4ry first password'
const second = 'c4n4ry second password'
const wrong = 'c4n4ry wrong password'

const fields = (values: object) => new URLSearchParams(values as Record<string, string>).toString()

t.test(
  'no secret of ours is in a log, an entry, a table or an answer that is not meant to show it',
  async (t) => {
    const lines: string[] = []
    const stream = new Writable({ write: (line, _encoding, done) => (lines.push(String(line)), done()) })
    const app = await testApp(t, {
      logger: { level: 'trace', stream },
      environment: { HOLDFAST_BOOTSTRAP_TOKEN: bootstrap },
    })
    const answers: string[] = []
    const ask = async (request: InjectOptions, isMeantToShow = false) => {
      const answer = await app.inject(request)
      if (!isMeantToShow) answers.push(answer.body, JSON.stringify({ ...answer.headers, 'set-cookie': null }))
      return answer
    }
    const html = { accept: 'text/html', 'sec-fetch-site': 'same-origin' }
    const form = { ...html, 'content-type': 'application/x-www-form-urlencoded' }
    const link = new URL((await app.setupUrl(origin))!)
    const setupToken = link.searchParams.get('token')!
    const person = { email: 'ann@example.com', name: 'Ann' }
    await ask({ url: link.pathname + link.search, headers: html }, true)
    await ask({ url: `${link.pathname}${link.search}&x=1`, headers: html }, true)
    const setup = { token: setupToken, ...person }
    await ask(
      {
        method: 'POST',
        url: '/setup',
        headers: form,
        payload: fields({ ...setup, email: 'no', password: first }),
      },
      true,
    )
    const done = await ask({
      method: 'POST',
      url: '/setup',
      headers: form,
      payload: fields({ ...setup, password: first }),
    })
    const cookie = cookieOf(done)
    await ask({ url: link.pathname + link.search, headers: html }, true)

    const script = { authorization: `Bearer ${bootstrap}` }
    const made = await ask(
      { method: 'POST', url: '/api/tokens', headers: script, payload: { name: 'x', role: 'admin' } },
      true,
    )
    const token = made.json().token as string
    const headers = { authorization: `Bearer ${token}` }
    await ask({ url: '/api/tokens', headers })
    await ask({ url: '/api/me', headers: { authorization: `Basic ${token}` } })
    await ask({ url: `/api/audit?actor=${token}`, headers })
    await ask({ url: `/api/nowhere/${token}`, headers }, true)
    await ask({ method: 'POST', url: '/api/session', payload: { email: person.email, password: wrong } })
    await ask({ method: 'POST', url: '/api/session', payload: { email: wrong, password: { wrong } } })
    await ask({
      method: 'POST',
      url: '/sign-in',
      headers: form,
      payload: fields({ email: person.email, password: wrong }),
    })
    const change = { currentPassword: first, password: second }
    const changed = await ask({
      method: 'PUT',
      url: '/api/me/password',
      headers: { cookie, ...html },
      payload: change,
    })
    await ask({
      method: 'POST',
      url: '/api/users',
      headers,
      payload: { ...person, role: 'viewer', password: wrong },
    })
    await ask({ url: '/api/me/sessions', headers: { cookie: cookieOf(changed) } })
    await ask({ url: '/api/users', headers })
    await ask({ url: '/api/audit', headers })
    await ask({ url: '/api/audit/download', headers })

    const tables = [
      'users',
      'sessions',
      'api_tokens',
      'setup_links',
      'sign_in_attempts',
      'sign_in_places',
      'audit_entries',
    ]
    const stored = []
    for (const table of tables)
      stored.push(await sql(app.config.databaseUrl!, `SELECT x::text FROM ${table} AS x`))
    t.ok(lines.length > 15, `${lines.length} lines`)
    const secrets = [
      bootstrap,
      setupToken,
      token,
      cookie.split('=')[1]!,
      cookieOf(changed).split('=')[1]!,
      first,
      second,
      encodeURIComponent(first).replaceAll('%20', '+'),
    ]
    for (const [place, texts] of Object.entries({ lines, stored, answers }))
      for (const secret of secrets)
        t.notMatch(JSON.stringify(texts), secret, `${place}: ${secret.slice(0, 12)}`)
  },
)
