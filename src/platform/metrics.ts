import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import Type from 'typebox'
import { whenOver } from './when-over.ts'

/**
 * `/metrics` for Prometheus. It takes the permission metrics:view (give the scraper a viewer's token): what there is to
 * see says much about the data, and behind a proxy on the same machine every caller seems to be local.
 */
export default plugin(
  async (app: FastifyInstance) => {
    const registry = new Registry()
    measureRequests(app, registry)
    measureQueue(app, registry)
    measureProcess(app, registry)
    app.get(
      '/metrics',
      {
        config: { permission: 'metrics:view' },
        schema: {
          operationId: 'getMetrics',
          summary: 'Figures for Prometheus',
          tags: ['system'],
          response: { 200: { content: { 'text/plain': { schema: Type.String() } } } },
        },
      },
      async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
    )
  },
  { name: 'metrics' },
)

function measureRequests(app: FastifyInstance, registry: Registry): void {
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'How long requests took, by route.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers: [registry],
  })
  const underWay = new Gauge({
    name: 'http_requests_under_way',
    help: 'Requests that are being answered, event streams included.',
    registers: [registry],
  })
  app.addHook('onRequest', async (request, reply) => {
    underWay.inc()
    whenOver(reply, () => {
      underWay.dec()
      const { url = 'none', method } = request.routeOptions
      const labels = { method: url === 'none' ? 'any' : String(method), route: url, status: reply.statusCode }
      duration.observe(labels, reply.elapsedTime / 1000)
    })
  })
}

function measureQueue(app: FastifyInstance, registry: Registry): void {
  const jobs = new Gauge({
    name: 'holdfast_jobs',
    help: 'Jobs that wait and run, by kind, over all replicas.',
    labelNames: ['queue', 'state'] as const,
    registers: [],
    async collect() {
      for (const { name, waiting, running } of await app.queue.depths()) {
        this.set({ queue: name, state: 'waiting' }, waiting)
        this.set({ queue: name, state: 'running' }, running)
      }
    },
  })
  registry.registerMetric(jobs)
}

const resolutionMs = 20

/** The usual figures of a process under their usual names; prom-client's own collectors can't be stopped again. */
function measureProcess(app: FastifyInstance, registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  app.addHook('onClose', async () => void delay.disable())
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  gauge('process_resident_memory_bytes', 'Memory in use.', () => process.memoryUsage.rss())
  gauge('nodejs_heap_size_used_bytes', 'JavaScript objects.', () => process.memoryUsage().heapUsed)
  gauge('process_start_time_seconds', 'When the process began.', () => Date.now() / 1000 - process.uptime())
  gauge('nodejs_eventloop_lag_p99_seconds', 'How late timers are.', () => lateness(delay.percentile(99)))
  gauge('nodejs_eventloop_lag_max_seconds', 'How late timers were at most.', () => lateness(delay.max))
  const cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time.',
    registers: [],
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  registry.registerMetric(cpu)
}

/** Node counts the interval between two looks in. @param delay nanoseconds */
function lateness(delay: number): number {
  return Math.max(0, delay / 1e9 - resolutionMs / 1000)
}
