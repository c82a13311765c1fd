import type { S3 } from '@aws-sdk/client-s3'

/** Where a bucket is and how to get at it. */
export interface S3Settings {
  bucket: string
  /** Put before every key, with a "/" between; without one at either end. Empty for the whole bucket. */
  prefix: string
  /** For anything but AWS, e.g. `http://minio:9000`. */
  endpoint?: string
  /** Default: what the SDK finds in its environment; `us-east-1` with an endpoint. */
  region?: string
  /** Default: what the SDK finds in its environment, its files or the machine's role. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  /** The bucket in the path instead of the host name. Default: with an endpoint. */
  forcePathStyle?: boolean
  /** Milliseconds that the server may leave us without an answer, or without the next byte of one. */
  answerMs?: number
  /** Keys per request when listing, at most 1000. */
  pageSize?: number
}

/** Parts of this size, in bytes, make objects of up to 78 GiB (10,000 parts are allowed), two of them at a time. */
export const UPLOAD = { partSize: 8 * 1024 * 1024, queueSize: 2 }

/** What a server may take to answer, in milliseconds; a part is allowed this many times as long as other requests. */
export const ANSWER_MS = 20_000
const PART_FACTOR = 6
const CONNECT_MS = 5_000

/**
 * Opens the SDK's client. Loads the SDK only now: it takes longer than the rest of the start.
 *
 * Checksums are left to where S3 demands them, since R2 and older MinIO refuse the SDK's newer defaults; artifacts
 * have their SHA-256. The SDK's own idle timeout stays off, because it also ends a download whose reader is slow.
 */
export async function openClient(settings: S3Settings): Promise<S3> {
  const { S3 } = await import('@aws-sdk/client-s3')
  const { endpoint, region, credentials, answerMs = ANSWER_MS } = settings
  return new S3({
    ...(endpoint && { endpoint, region: 'us-east-1' }),
    ...(region && { region }),
    ...(credentials && { credentials }),
    forcePathStyle: settings.forcePathStyle ?? endpoint !== undefined,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: Math.min(answerMs, CONNECT_MS),
      requestTimeout: answerMs * PART_FACTOR,
      throwOnRequestTimeout: true,
      socketTimeout: 0,
    },
  })
}
