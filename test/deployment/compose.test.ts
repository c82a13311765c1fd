import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'
import { readConfig } from '../../src/platform/config.ts'
import { parseS3Url } from '../../src/storage/s3-url.ts'

interface Service {
  image?: string
  build?: string
  ports?: string[]
  environment: Record<string, string>
  configs?: { source: string }[]
  volumes?: string[]
  healthcheck?: { test: string[] }
  depends_on?: Record<string, { condition: string }>
}

interface Compose {
  services: Record<'holdfast' | 'postgres' | 'minio' | 'bucket', Service>
  volumes: Record<string, null>
  configs: Record<string, { content: string }>
}

const text = await readFile(new URL('../../compose.yaml', import.meta.url), 'utf8')
const compose = parse(text) as Compose
const services = Object.entries<Service>(compose.services)

t.test('whatever is referred to is there', async (t) => {
  for (const [name, service] of services) {
    for (const { source } of service.configs ?? []) t.ok(source in compose.configs, `${name}: ${source}`)
    for (const volume of service.volumes ?? [])
      if (!volume.startsWith('.')) t.hasProp(compose.volumes, volume.split(':')[0]!, `${name}: ${volume}`)
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      const wanted = compose.services[other as keyof Compose['services']]
      t.ok(wanted, `${name}: ${other}`)
      t.equal(condition === 'service_healthy', wanted.healthcheck !== undefined, `${name}: ${other}`)
    }
  }
})

t.test('images of others have a version, and nothing is open to the network', async (t) => {
  for (const [name, { image }] of services)
    if (name !== 'holdfast') t.match(image, /:(?:18|RELEASE\.[0-9TZ-]+)$/, name)
  const ports = services.flatMap(([, service]) => service.ports ?? [])
  t.strictSame(ports, ['127.0.0.1:${PORT:-3000}:3000'])
})

t.test('secrets come from the environment and have no default', async (t) => {
  const uses = [...text.matchAll(/\$\{(\w+)([^}]*)\}/g)].map(([, name, rest]) => ({ name: name!, rest }))
  const secrets = uses.filter(({ name }) => /PASSWORD|SECRET|TOKEN|USER/.test(name))
  t.strictSame([...new Set(secrets.map(({ name }) => name))].sort(), [
    'HOLDFAST_BOOTSTRAP_TOKEN',
    'HOLDFAST_DB_PASSWORD',
    'MINIO_ROOT_PASSWORD',
    'MINIO_ROOT_USER',
    'POSTGRES_PASSWORD',
  ])
  for (const { name, rest } of secrets) t.equal(rest, name === 'HOLDFAST_BOOTSTRAP_TOKEN' ? ':-' : ':?', name)
  const inUrls = Object.values(compose.services.holdfast.environment).join('\n')
  t.notMatch(inUrls.replace(/\$\{[^}]*\}/g, ''), /:\w+@/, 'no password stands there as it is')
})

t.test('the service accepts what it is given, and the role it uses is the one that is made', async (t) => {
  const config = readConfig(interpolated(compose.services.holdfast.environment))
  t.match(config, {
    databaseUrl: 'postgres://holdfast:a1b2@postgres:5432/holdfast',
    storeUrl: 's3://holdfast?endpoint=http://minio:9000',
    sources: {},
    bootstrapToken: null,
  })
  t.match(parseS3Url(config.storeUrl), { bucket: 'holdfast', endpoint: 'http://minio:9000' })
  t.match(
    compose.configs['role']!.content,
    /^CREATE ROLE holdfast LOGIN PASSWORD .*;\nCREATE DATABASE holdfast OWNER holdfast;\n$/,
  )
})

/** As Compose does it: what is needed is set, what may be unset is. */
function interpolated(environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/\$\{\w+:\?\}/g, 'a1b2').replace(/\$\{\w+:-([^}]*)\}/g, '$1'),
    ]),
  )
}
