import { Problem } from '../platform/errors.ts'
import { storageProblems } from './errors.ts'

/** Codes for "no room", beside status 507: those of MinIO and of Ceph. */
const FULL = new Set(['XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded', 'QuotaExceeded'])

/** The part of the SDK's errors that is used. */
interface S3Error {
  name: string
  message: string
  code?: string
  $metadata?: { httpStatusCode?: number }
}

/** The HTTP status of an error that the server answered with; undefined when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as S3Error).$metadata?.httpStatusCode
}

/** Whether the server itself says that a key has no object. A bare 404 may come from anything on the way. */
export function isNoSuchKey(error: unknown): boolean {
  return (error as S3Error).name === 'NoSuchKey'
}

/**
 * Says in the store's words what went wrong with a request.
 *
 * The SDK's error is not kept as the cause: it carries the request, with the access key and what was signed.
 * @param location of the store
 * @returns STORE_FULL, or STORE_UNREACHABLE for everything that isn't an answer about an object
 */
export function s3Problem(error: unknown, location: string): Problem {
  if (error instanceof Problem) return error
  const problem = isFull(error as S3Error) ? storageProblems.STORE_FULL : storageProblems.STORE_UNREACHABLE
  return problem(`${location}: ${reasonOf(error as S3Error)}.`)
}

function isFull(error: S3Error): boolean {
  return statusOf(error) === 507 || FULL.has(error.name)
}

/** One line without the server's own text, which may repeat what was sent. */
function reasonOf(error: S3Error): string {
  const status = statusOf(error)
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'the server did not answer in time'
  if (error.name === 'CredentialsProviderError') return 'no credentials were given or found'
  if (error.code === 'ECONNRESET' || error.message === 'aborted') return 'the connection broke off'
  if (status !== undefined && status >= 300) return `the server answered ${status} ${error.name}`
  return (error.message || error.code || error.name).split('\n', 1)[0]!.slice(0, 200)
}
