import { storageProblems } from './errors.ts'
import { isKey } from './keys.ts'
import type { S3Settings } from './s3-client.ts'

const PARAMETERS = [
  'endpoint',
  'region',
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'forcePathStyle',
] as const

type Parameters = Partial<Record<(typeof PARAMETERS)[number], string>>

/**
 * Reads `s3://bucket/prefix?endpoint=…&region=…&accessKeyId=…&secretAccessKey=…&sessionToken=…&forcePathStyle=…`.
 * The parameters have the names of the AWS SDK's options and are percent-encoded; a "+" stands for itself, since
 * secrets have it. Without credentials those of the environment, of the SDK's files or of the machine's role are used.
 * @throws STORE_URL_INVALID in one line that repeats no part of the URL, where any part may be one of a secret
 */
export function parseS3Url(url: string): S3Settings {
  const [, bucket, path, query] = /^s3:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?$/.exec(url) ?? []
  const parameters = parametersOf(query ?? '')
  return {
    bucket: checkedBucket(bucket ?? ''),
    prefix: checkedPrefix(path ?? ''),
    ...(parameters.endpoint !== undefined && { endpoint: checkedEndpoint(parameters.endpoint) }),
    ...(parameters.region && { region: parameters.region }),
    ...credentialsOf(parameters),
    ...pathStyleOf(parameters),
  }
}

function parametersOf(query: string): Parameters {
  const parameters: Parameters = {}
  for (const [text, value] of new URLSearchParams(query.replaceAll('+', '%2B'))) {
    const name = PARAMETERS.find((name) => name === text)
    if (!name || parameters[name] !== undefined)
      throw invalid(`may have each of the parameters ${PARAMETERS.join(', ')} once, and no other`)
    parameters[name] = value
  }
  return parameters
}

/** The rules of Amazon S3 (User Guide, "General purpose bucket naming rules"), and the older, looser ones. */
function checkedBucket(bucket: string): string {
  if (/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i.test(bucket)) return bucket
  throw invalid('must be s3://bucket/prefix with the name of a bucket; credentials are parameters')
}

function checkedPrefix(path: string): string {
  const prefix = decoded(path).replace(/^\//, '').replace(/\/$/, '')
  if (prefix === '' || isKey(prefix)) return prefix
  throw invalid('must have a prefix without empty, "." or ".." segments and control characters')
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw invalid('must have a percent-encoded prefix')
  }
}

function checkedEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const web = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url && web && !url.username && !url.password && !url.search) return text
  throw invalid('must have an endpoint such as https://host:port')
}

function credentialsOf({ accessKeyId, secretAccessKey, sessionToken }: Parameters) {
  if (accessKeyId && secretAccessKey)
    return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) } }
  if (accessKeyId === undefined && secretAccessKey === undefined && sessionToken === undefined) return {}
  throw invalid('must have accessKeyId and secretAccessKey together, or neither')
}

function pathStyleOf({ forcePathStyle }: Parameters) {
  if (forcePathStyle === undefined) return {}
  if (forcePathStyle === 'true' || forcePathStyle === 'false')
    return { forcePathStyle: forcePathStyle === 'true' }
  throw invalid('must have forcePathStyle=true or forcePathStyle=false')
}

function invalid(fault: string) {
  return storageProblems.STORE_URL_INVALID(`The store's URL ${fault}.`)
}
