import createClient from 'openapi-fetch'
import type { paths } from './schema.ts'

/** A program with a mistake that the types must find. */
export async function ask(baseUrl: string) {
  const { data } = await createClient<paths>({ baseUrl }).GET('/api/me')
  return data?.nickname
}
