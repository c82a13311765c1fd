import type { FastifyInstance } from 'fastify'

/** The datasets that can be used now, by name. */
export function usableNames({ datasets }: FastifyInstance): string[] {
  return datasets.list().flatMap(({ name, problems }) => (problems.length === 0 ? name : []))
}
