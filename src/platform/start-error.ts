/** Why the service can't start, in one line that the person who started it can act on. */
export class StartError extends Error {
  override readonly name = 'StartError'
}
