import { Readable } from 'node:stream'
import type { S3 } from '@aws-sdk/client-s3'
import { UPLOAD } from './s3-client.ts'

/** What a source of bytes did while it was read. */
interface Reading {
  bytes: number
  /** Set when the source failed. */
  failure?: { error: unknown }
}

/**
 * Uploads a body of unknown length with bounded memory; when anything fails, the parts that are there are removed.
 * @returns the bytes stored
 * @param problem makes what is thrown of the SDK's errors
 * @throws the body's own error as it is
 */
export async function upload(
  client: S3,
  place: { Bucket: string; Key: string },
  body: Readable | Buffer,
  problem: (error: unknown) => Error,
): Promise<number> {
  const { Upload } = await import('@aws-sdk/lib-storage')
  const reading: Reading = { bytes: 0 }
  const Body = Readable.from(watched(body, reading))
  try {
    const { ETag } = await new Upload({ client, params: { ...place, Body }, ...UPLOAD }).done()
    // A proxy's page has the status of a success as well.
    if (ETag === undefined) throw new Error('the server did not confirm that it stored the object')
  } catch (error) {
    throw reading.failure ? reading.failure.error : problem(error)
  }
  return reading.bytes
}

async function* watched(body: Readable | Buffer, reading: Reading): AsyncGenerator<Buffer> {
  // An upload that fails throws its error in at the yield: that is no failure of the source.
  let isReading = true
  try {
    for await (const chunk of Buffer.isBuffer(body) ? [body] : (body as AsyncIterable<Buffer>)) {
      reading.bytes += chunk.length
      isReading = false
      yield chunk
      isReading = true
    }
  } catch (error) {
    if (isReading) reading.failure = { error }
    throw error
  }
}
