import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type {
  _Object as S3Object,
  GetObjectCommandOutput,
  ListMultipartUploadsCommandOutput,
  MultipartUpload,
  S3,
} from '@aws-sdk/client-s3'
import type { ByteRange } from '../platform/byte-ranges.ts'
import { failpoint } from '../platform/failpoints.ts'
import { wholeStream } from '../platform/whole-stream.ts'
import { storageProblems } from './errors.ts'
import { checkKey, checkPrefix, isKey, keyProblem, RESERVED } from './keys.ts'
import { beyondTheEnd, checkRange } from './ranges.ts'
import { ANSWER_MS, openClient, type S3Settings } from './s3-client.ts'
import { isNoSuchKey, s3Problem, statusOf } from './s3-failures.ts'
import { upload } from './s3-upload.ts'
import type { Store, StoredObject } from './store.ts'

const MAX_KEY_BYTES = 1024

/** A store in a bucket of AWS S3, Cloudflare R2, MinIO or anything else that speaks S3. */
export class S3Store implements Store {
  readonly location: string
  readonly #settings: S3Settings
  readonly #answerMs: number
  /** What stands before every key in the bucket. */
  readonly #prefix: string
  #client: Promise<S3> | undefined

  constructor(settings: S3Settings) {
    this.#settings = settings
    this.#answerMs = settings.answerMs ?? ANSWER_MS
    this.#prefix = settings.prefix === '' ? '' : `${settings.prefix}/`
    this.location = `s3://${settings.bucket}${settings.prefix && `/${settings.prefix}`}`
  }

  async put(key: string, body: Readable | Buffer): Promise<number> {
    try {
      const place = this.#place(key)
      const client = await this.#connect()
      await failpoint('store.s3-uploading')
      const bytes = await upload(client, place, body, (error) => s3Problem(error, this.location))
      await failpoint('store.s3-uploaded')
      return bytes
    } catch (error) {
      if (body instanceof Readable) body.destroy()
      throw error
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    if (range) checkRange(range)
    const place = this.#place(key)
    const request = range ? { ...place, Range: `bytes=${range.start}-${range.end}` } : place
    const answer = await this.#ask(key, (client, options) => client.getObject(request, options), range)
    const source = answer.Body as IncomingMessage
    const failure = (cause: Error) => s3Problem(cause, this.location)
    const bytes = answer.ContentLength
    if (bytes === undefined || !isObject(answer) || (range && !isAnswered(range, answer))) {
      source.destroy()
      throw failure(new Error('the server does not answer with the bytes that were asked for'))
    }
    return wholeStream(source, { bytes, failure, stallMs: this.#answerMs })
  }

  async head(key: string): Promise<StoredObject | null> {
    const place = this.#place(key)
    const answer = await this.#ask(key, (client, options) =>
      client.headObject(place, options).catch(nullIfNotFound),
    )
    const { ContentLength: bytes, LastModified: modifiedAt } = answer ?? {}
    if (bytes !== undefined && modifiedAt !== undefined) return { key, bytes, modifiedAt }
    if (answer !== null) throw this.#nothingOfS3('an object')
    // The answer to a HEAD has no body that says what is missing: the object, the bucket, or the server itself.
    await this.#ask(key, (client, options) => client.headBucket({ Bucket: place.Bucket }, options))
    return null
  }

  async delete(key: string): Promise<void> {
    const place = this.#place(key)
    await failpoint('store.s3-removing')
    await this.#ask(key, (client, options) =>
      client.deleteObject(place, options).catch((error: unknown) => {
        if (!isNoSuchKey(error)) throw error
      }),
    )
    await failpoint('store.s3-removed')
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    checkPrefix(prefix)
    for await (const { Key, Size, LastModified } of this.#listing(prefix)) {
      const key = Key!.slice(this.#prefix.length)
      if (isKey(key)) yield { key, bytes: Size!, modifiedAt: LastModified! }
    }
  }

  async check(): Promise<void> {
    const place = this.#placeUnchecked(`${RESERVED}/check`)
    const abortSignal = AbortSignal.timeout(this.#answerMs)
    await this.#ask(place.Key, (client) =>
      client.putObject({ ...place, Body: 'Holdfast can write here.\n' }, { abortSignal }),
    )
    const answer = await this.#ask(place.Key, (client) => client.getObject(place, { abortSignal }))
    ;(answer.Body as IncomingMessage).destroy()
  }

  async sweep(olderThan: Date): Promise<number> {
    const { bucket: Bucket } = this.#settings
    let swept = 0
    for await (const { Key, UploadId, Initiated } of this.#uploads()) {
      if (Initiated! >= olderThan) continue
      const upload = { Bucket, Key: Key!, UploadId: UploadId! }
      await this.#ask(upload.Key, (client, options) => client.abortMultipartUpload(upload, options))
      swept++
    }
    return swept
  }

  async *#listing(prefix: string): AsyncGenerator<S3Object> {
    const request = {
      Bucket: this.#settings.bucket,
      Prefix: this.#prefix + prefix,
      MaxKeys: this.#settings.pageSize ?? 1000,
    }
    let ContinuationToken: string | undefined
    do {
      const page = await this.#ask(prefix, (client, options) =>
        client.listObjectsV2({ ...request, ...(ContinuationToken && { ContinuationToken }) }, options),
      )
      this.#demandListing(page, page.NextContinuationToken, ContinuationToken)
      yield* page.Contents ?? []
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined
    } while (ContinuationToken)
  }

  async *#uploads(): AsyncGenerator<MultipartUpload> {
    const request = { Bucket: this.#settings.bucket, Prefix: this.#prefix }
    let after: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {}
    const markerOf = (key?: string, id?: string) => (key === undefined ? undefined : `${key} ${id ?? ''}`)
    do {
      const page: ListMultipartUploadsCommandOutput = await this.#ask('', (client, options) =>
        client.listMultipartUploads({ ...request, ...after }, options),
      )
      const next = markerOf(page.NextKeyMarker, page.NextUploadIdMarker)
      this.#demandListing(page, next, markerOf(after?.KeyMarker, after?.UploadIdMarker))
      yield* page.Uploads ?? []
      after = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker!, UploadIdMarker: page.NextUploadIdMarker! }
        : undefined
    } while (after)
  }

  /**
   * A page of something else, from a proxy say, must not read as an empty store, nor one that leads nowhere or back to
   * itself as the last one.
   * @param next where the page says that it goes on
   * @param asked where it was asked to begin
   */
  #demandListing(page: { IsTruncated?: boolean | undefined }, next?: string, asked?: string): void {
    const goesOn = next !== undefined && next !== '' && next !== asked
    if (page.IsTruncated === undefined || (page.IsTruncated && !goesOn)) throw this.#nothingOfS3('a listing')
  }

  #nothingOfS3(wanted: string): Error {
    return storageProblems.STORE_UNREACHABLE(`${this.location}: the server did not answer with ${wanted}.`)
  }

  #place(key: string) {
    checkKey(key)
    const place = this.#placeUnchecked(key)
    if (Buffer.byteLength(place.Key) > MAX_KEY_BYTES)
      throw keyProblem(key, `is longer than ${MAX_KEY_BYTES} bytes with the store's prefix`)
    return place
  }

  #placeUnchecked(key: string) {
    return { Bucket: this.#settings.bucket, Key: this.#prefix + key }
  }

  #connect(): Promise<S3> {
    return (this.#client ??= openClient(this.#settings))
  }

  async #ask<T>(
    key: string,
    request: (client: S3, options: { requestTimeout: number }) => Promise<T>,
    range?: ByteRange,
  ): Promise<T> {
    try {
      return await request(await this.#connect(), { requestTimeout: this.#answerMs })
    } catch (error) {
      if (isNoSuchKey(error))
        throw storageProblems.STORE_OBJECT_MISSING(`${this.location} has no object "${key}".`)
      if (range && statusOf(error) === 416) throw beyondTheEnd(key, range)
      throw s3Problem(error, this.location)
    }
  }
}

function nullIfNotFound(error: unknown): null {
  if (statusOf(error) === 404) return null
  throw error
}

/** S3 says of each object when it was stored, or what it is; a page that a proxy answers with, such as a sign-in, says neither. */
function isObject({ ETag, LastModified }: GetObjectCommandOutput): boolean {
  return ETag !== undefined || LastModified !== undefined
}

/** A server that passes over the range, or over a part of it, answers with other bytes than those asked for. */
function isAnswered({ start, end }: ByteRange, { ContentRange }: GetObjectCommandOutput): boolean {
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange ?? '') ?? []
  return Number(first) === start && Number(last) === Math.min(end, Number(size) - 1)
}
