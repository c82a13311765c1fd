import { finished, Transform, type Readable } from 'node:stream'

export interface WholeStreamOptions {
  /** How many bytes must come. */
  bytes: number
  /** Makes the error that the reader gets, from the one that happened. */
  failure: (cause: Error) => Error
  /** Milliseconds without a byte, while the reader wants more, after which the source counts as dead. */
  stallMs?: number
}

/**
 * Hands on a stream of known length so that it never ends quietly when it is cut short, runs over, or stalls:
 * the reader gets an error instead. A reader that goes away destroys the source.
 * @returns a stream of exactly the announced bytes, or one that fails
 */
export function wholeStream(source: Readable, { bytes, failure, stallMs }: WholeStreamOptions): Readable {
  let missing = bytes
  const whole = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      missing -= chunk.length
      if (missing < 0) done(failure(new Error(`it went on after its ${bytes} bytes`)))
      else done(null, chunk)
    },
    flush(done) {
      done(missing > 0 ? failure(new Error(`it ended ${missing} of ${bytes} bytes early`)) : null)
    },
  })
  finished(source, { writable: false }, (error) => {
    if (error) whole.destroy(failure(error))
  })
  // A failure that comes before the reader does is kept for it; one that nobody listens for would end the process.
  whole.on('error', () => undefined)
  whole.once('close', () => source.destroy())
  if (stallMs !== undefined) failOnStall(source, whole, stallMs, failure)
  return source.pipe(whole)
}

/** A reader that takes its time is no stall: only a source that is asked and silent is. */
function failOnStall(source: Readable, whole: Transform, ms: number, failure: WholeStreamOptions['failure']) {
  const timer = setTimeout(() => {
    if (whole.writableNeedDrain) timer.refresh()
    else whole.destroy(failure(new Error(`it sent nothing for ${ms / 1000} s`)))
  }, ms)
  source.on('data', () => timer.refresh())
  source.once('end', () => clearTimeout(timer))
  whole.once('close', () => clearTimeout(timer))
}
